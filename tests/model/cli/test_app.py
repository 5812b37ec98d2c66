"""The commands' help."""

import re
from pathlib import Path

import pytest

from tests.process import conveyor


@pytest.mark.parametrize("command", ["pretrain", "train", "evaluate", "serve"])
def test_the_help_explains_every_option(tmp_path: Path, command: str) -> None:
    result = conveyor(command, "--help", cwd=tmp_path)
    assert result.returncode == 0
    options = re.findall(r"^[│ *]+--([a-z-]+)(.*)│$", result.stdout, re.MULTILINE)
    assert len(options) > 4 or command == "evaluate"
    for name, rest in options:
        explanation = re.sub(r"^.*?[>\]]|OLD=NEW|--no-[a-z]*", "", rest).strip()
        assert len(explanation.split()) > 2, name
