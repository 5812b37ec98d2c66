import gc
import sys
from collections.abc import Iterator

import pytest

from conveyor.service.process.interpreter import (
    SEARCHES,
    SWITCH_SECONDS,
    freeze_gc,
    pause_gc,
    set_switch_interval,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval, searches = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*searches)
    gc.unfreeze()
    gc.enable()


def test_the_interpreter_is_handed_over_soon() -> None:
    set_switch_interval()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)


def test_what_is_there_is_not_looked_through_again() -> None:
    kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]
    freeze_gc()
    assert gc.get_freeze_count() > len(kept)
    assert not any(found is kept for found in gc.get_objects())
    assert gc.get_threshold() == SEARCHES


def test_nothing_is_looked_through_until_all_is_there() -> None:
    pause_gc()
    assert not gc.isenabled()
    freeze_gc()
    assert gc.isenabled()


def test_garbage_of_later_is_still_found() -> None:
    freeze_gc()
    later: list[object] = []
    later.append(later)
    del later
    assert gc.collect() > 0
