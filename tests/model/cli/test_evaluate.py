"""conveyor evaluate as a person uses it: a real process, in an empty directory."""

from pathlib import Path

from conveyor.model.artifact import storage
from tests.conftest import random_classifier
from tests.model.cli.shared import GIGABYTE
from tests.process import assert_one_sentence, conveyor, conveyor_within


def test_a_model_and_texts_that_need_more_memory_than_there_is(tmp_path: Path) -> None:
    classifier = random_classifier(embedding_dim=65_536, bidirectional=True)
    storage.save(tmp_path / "m", classifier, golden_text="", card="")
    lines = [f"{label}\t{'a b c d ' * 12}\n" for label in ("blame", "praise")]
    (tmp_path / "a.tsv").write_text("".join(lines * 100))
    result = conveyor_within(GIGABYTE, "evaluate", "m", "--data", "a.tsv", cwd=tmp_path)
    assert_one_sentence(result, "not enough memory: give fewer texts at once")


def test_evaluating_with_a_label_the_model_does_not_have(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,blame\nx,meh\n")
    result = conveyor("evaluate", trained, "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(
        result, "a.csv, line 3 has the label 'meh', which the model .* 'blame', 'praise'"
    )


def test_evaluating_what_is_no_model(tmp_path: Path) -> None:
    result = conveyor("evaluate", "nowhere", "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(result, "nowhere is not a directory")


def test_a_path_that_no_system_takes(tmp_path: Path) -> None:
    result = conveyor("evaluate", "x" * 300, "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(result, "x{300}: File name too long")
