"""The comparison of defaults: one real training, on the tiny language."""

from pathlib import Path

import pytest

from bench.experiments import defaults
from bench.experiments.defaults import Table, drawn, perform, run_name
from bench.experiments.run import train
from conveyor.model.artifact import storage
from conveyor.model.data.examples import read_examples
from conveyor.model.evaluation.metrics import evaluate
from tests.conftest import reviews

TINY = Table("tiny", "Tiny", "train.tsv", "test.tsv")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sentences read backward: no English, so that training is quick."""
    for name, count, seed in (("train", 400, 0), ("test", 60, 1)):
        rows = [f"{example.label}\t{example.text[::-1]}\n" for example in reviews(count, seed)]
        shared = ["praise\tread in both\n"]
        (tmp_path / f"{name}.tsv").write_text("".join(rows + shared))
    return tmp_path


def test_a_run_is_trained_and_judged_once(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fastText is no dependency, so another answers in its place; and two epochs are enough."""
    monkeypatch.setattr(defaults, "fasttext_accuracy", lambda *_: 0.5)
    quick = ["--epochs", "2"]
    monkeypatch.setattr(defaults, "train", lambda command, *at: train([*command, *quick], *at))
    work, runs = tmp_path / "work", tmp_path / "runs"
    run = perform(TINY, 30, 0, data, work, runs)
    assert (run.texts, run.test_texts) == (60, 60)  # without the one that is in both
    model = work / "default-tiny-30-0" / "model"
    test = [e for e in read_examples(str(data / "test.tsv")) if e.text != "read in both"]
    assert run.ours == evaluate(storage.load(model).classifier, test).accuracy
    assert run.ngrams > 0.8
    assert run.fasttext == 0.5
    assert run.seconds > 0
    (model / "config.json").unlink()
    assert perform(TINY, 30, 0, data, work, runs) == run
    assert run_name(TINY, None, 2) == "tiny-all-2"


def test_a_seed_draws_other_texts_of_each_label() -> None:
    examples = reviews(200)
    first, again, other = (drawn(examples, 20, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(e.label for e in other) == ["blame"] * 20 + ["praise"] * 20
    assert drawn(examples, None, 0) == examples
