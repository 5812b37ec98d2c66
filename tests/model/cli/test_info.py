"""conveyor info and conveyor check, as people and programs use them."""

import json
import re
import shutil
from pathlib import Path

import safetensors.torch
import torch

from conveyor import SHIPPED
from conveyor.model.artifact import storage
from conveyor.model.verification.check import CHECKS
from tests.conftest import random_classifier
from tests.process import assert_one_sentence, conveyor


def test_people_see_the_shipped_model_part_by_part() -> None:
    result = conveyor("info", SHIPPED)
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines()]
    for row in (
        ["kind", "classifier, made of an LSTM"],
        ["labels", "2: negative, positive"],
        ["layer 0, forward", "4*512*(512+128)", "1,310,720"],
        ["biases", "1*2*4*512", "4,096"],
        ["head", "(1536+1)*2", "3,074"],
        ["in all", "", "6,089,474"],
        ["accuracy", "0.9306", "Large Movie Review Dataset, test"],
    ):
        assert row in rows, result.stdout
    assert storage.load(SHIPPED).sha256 in result.stdout
    assert "weights in float16" in result.stdout


def test_programs_get_stable_keys() -> None:
    result = conveyor("info", SHIPPED.parent / "imdb-language", "--json")
    told = json.loads(result.stdout)
    assert list(told) == [
        *("kind", "artifact", "sealed", "config", "labels", "parameters", "parts"),
        *("dtypes", "files", "bytes", "metrics"),
    ]
    assert told["kind"] == "language model"
    assert told["parameters"]["total"] == 5_250_352
    assert told["metrics"][0]["value"] == 67.5


def test_many_labels_are_abbreviated_for_people_alone(tmp_path: Path) -> None:
    labels = {number: f"label {number}" for number in range(150)}
    labels |= {2: "a\x1b[2J", 3: "b\nc", 4: "[bold]d"}  # none of them may steer the terminal
    classifier = random_classifier(cell="rnn", id2label=labels)
    storage.save(tmp_path / "m", classifier, golden_text="a", card="")
    shown = conveyor("info", "m", cwd=tmp_path).stdout
    assert "150: label 0, label 1, a\\x1b[2J, b\\nc, [bold]d, label 5" in shown
    assert "label 11 and 138 more" in shown
    assert "4*(4+5)" in shown
    told = json.loads(conveyor("info", "m", "--json", cwd=tmp_path).stdout)
    assert told["labels"] == list(labels.values())


def test_a_broken_model_is_one_sentence(tmp_path: Path, stacked: Path) -> None:
    directory = shutil.copytree(stacked, tmp_path / "m")
    (directory / "model.safetensors").write_bytes(b"")
    assert_one_sentence(conveyor("info", directory), r"model.safetensors is not as it was written")


def test_a_good_model_is_checked_line_by_line() -> None:
    result = conveyor("check", SHIPPED)
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    assert len(lines) == len(CHECKS)
    assert all(line.startswith("ok ") for line in lines)
    assert "tensors          7 tensors, 6,089,474 finite numbers in float16" in lines[2]
    assert "\x1b" not in result.stdout


def test_a_check_that_fails_is_said_by_the_exit_code(tmp_path: Path, stacked: Path) -> None:
    directory = shutil.copytree(stacked, tmp_path / "m")
    tensors = {"a\nb\x1b[2J": torch.ones(1)}
    safetensors.torch.save_file(tensors, directory / "model.safetensors")
    (directory / "SHA256SUMS").unlink()
    result = conveyor("check", directory)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == len(CHECKS)
    failed = r"^failed  tensors +.*the tensor embedding.weight is missing"
    assert re.search(failed, result.stdout, re.MULTILINE)
    assert re.search(r"^skipped reference +this needs: tensors$", result.stdout, re.MULTILINE)


def test_no_directory_to_check_is_one_sentence(tmp_path: Path) -> None:
    assert_one_sentence(conveyor("check", tmp_path / "nowhere"), "nowhere is not a directory")
