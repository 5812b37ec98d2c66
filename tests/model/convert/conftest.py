"""Conversions that are to be seen by pytest run in its own process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conveyor.model.convert import supervision


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(work: Callable[[Any], Any], _path: Path, on_report: Callable[[Any], None]) -> Any:
        return work(on_report)

    monkeypatch.setattr(supervision, "supervised", here)
