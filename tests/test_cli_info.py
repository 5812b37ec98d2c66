"""conveyor info, as a person and as a program use it."""

import json
import shutil
from pathlib import Path

from model import artifact
from service.settings import DEFAULT_MODEL
from tests.conftest import random_classifier
from tests.process import assert_one_sentence, conveyor


def test_people_see_the_shipped_model_part_by_part() -> None:
    result = conveyor("info", DEFAULT_MODEL)
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines()]
    for row in (
        ["kind", "classifier, made of an LSTM"],
        ["labels", "2: negative, positive"],
        ["layer 0, forward", "4*512*(512+128)", "1,310,720"],
        ["biases", "1*2*4*512", "4,096"],
        ["head", "(1536+1)*2", "3,074"],
        ["in all", "", "5,157,890"],
        ["accuracy", "0.9249", "Large Movie Review Dataset, test"],
    ):
        assert row in rows, result.stdout
    assert artifact.load(DEFAULT_MODEL).sha256 in result.stdout
    assert "weights in float16" in result.stdout


def test_programs_get_stable_keys() -> None:
    result = conveyor("info", DEFAULT_MODEL.parent / "imdb-language", "--json")
    told = json.loads(result.stdout)
    assert list(told) == [
        *("kind", "artifact", "config", "labels", "parameters", "parts"),
        *("dtypes", "files", "bytes", "metrics"),
    ]
    assert told["kind"] == "language model"
    assert told["parameters"]["total"] == 5_250_352
    assert told["metrics"][0]["value"] == 67.5


def test_many_labels_are_abbreviated_for_people_alone(tmp_path: Path) -> None:
    labels = {number: f"label {number}" for number in range(150)}
    classifier = random_classifier(cell="rnn", id2label=labels)
    artifact.save(tmp_path / "m", classifier, golden_text="a", card="")
    shown = conveyor("info", "m", cwd=tmp_path).stdout
    assert "150: label 0, label 1" in shown
    assert "label 11 and 138 more" in shown
    assert "4*(4+5)" in shown
    told = json.loads(conveyor("info", "m", "--json", cwd=tmp_path).stdout)
    assert told["labels"] == list(labels.values())


def test_labels_cannot_steer_the_terminal(tmp_path: Path) -> None:
    classifier = random_classifier(id2label={0: "a\x1b[2J", 1: "b\nc", 2: "[bold]d"})
    artifact.save(tmp_path / "m", classifier, golden_text="a", card="")
    result = conveyor("info", "m", cwd=tmp_path)
    assert "3: a\\x1b[2J, b\\nc, [bold]d" in result.stdout


def test_a_broken_model_is_one_sentence(tmp_path: Path, stacked: Path) -> None:
    directory = shutil.copytree(stacked, tmp_path / "m")
    (directory / "model.safetensors").write_bytes(b"")
    assert_one_sentence(conveyor("info", directory), r"model.safetensors is not valid")
