"""The commands' help."""

import re
from pathlib import Path

import pytest

from conveyor.model.types import Panel
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


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("train", ["data", "out", "text-column", "label-column", "validation-data"]),
        ("pretrain", ["data", "out", "text-column"]),
    ],
)
def test_the_help_begins_with_what_most_people_need(
    tmp_path: Path, command: str, first: list[str]
) -> None:
    shown = conveyor(command, "--help", cwd=tmp_path).stdout
    titles = re.findall(r"^╭─ (.*?) ─+╮$", shown, re.MULTILINE)
    assert titles == ["Options", *Panel]
    panels = shown.split("╭─ ")
    options = re.findall(r"^[│ *]+--([a-z-]+)", panels[1], re.MULTILINE)
    assert options == [*first, "device", "epochs", "help"]
