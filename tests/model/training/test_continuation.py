"""A classifier that goes on learning begins as what it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example
from conveyor.model.errors import TrainingError
from conveyor.model.training.continuation import Continuation
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import _Data, _prepare, train
from tests.conftest import reviews
from tests.process import conveyor

OPEN = TrainingSettings(epochs=1, batch_size=16, device="cpu")


@pytest.fixture
def start(trained: Path) -> Continuation:
    return Continuation(storage.load(trained))


def test_with_the_same_labels_it_begins_as_it_was(tmp_path: Path, start: Continuation) -> None:
    old = start.artifact.classifier
    settings = start.settings(OPEN)
    run = _prepare(_Data(reviews(20)), list(old.config.labels), {}, settings, tmp_path, start)
    assert run.tokenizer is old.tokenizer
    text = reviews(1)[0].text
    torch.testing.assert_close(
        torch.from_numpy(run.classifier().classify([text])),
        torch.from_numpy(old.classify([text])),
    )
    assert f"from {start.artifact.name}, on cpu" in run.describe()


def test_with_other_labels_all_but_the_head_is_taken_over(
    tmp_path: Path, start: Continuation
) -> None:
    old = start.artifact.classifier.network.state_dict()
    run = _prepare(
        _Data([Example("a quokka", "no"), Example("another quokka", "yes")]),
        ["no", "yes"],
        {},
        start.settings(OPEN),
        tmp_path,
        start,
    )
    state = run.network.state_dict()
    known = len(old["embedding.weight"])
    assert torch.equal(state["embedding.weight"][:known], old["embedding.weight"])
    assert len(state["embedding.weight"]) > known
    assert run.tokenizer.vocabulary["quokka"] >= known
    assert not torch.equal(state["head.weight"], old["head.weight"])
    for name in old.keys() - {"embedding.weight", "head.weight", "head.bias"}:
        assert torch.equal(state[name], old[name]), name
    assert "its labels are others" in run.describe()


def test_what_it_knew_is_not_forgotten(tmp_path: Path, start: Continuation) -> None:
    labels = start.config.labels
    more = [Example(f"quokka {'wombat' * (label == labels[0])}", label) for label in labels * 8]
    train([*reviews(60), *more], OPEN, tmp_path, initialization=start)
    classifier = storage.load(tmp_path).classifier
    known = reviews(100, seed=9)
    said = classifier.classify([example.text for example in known]).argmax(axis=1)
    right = [labels[best] == example.label for best, example in zip(said, known, strict=True)]
    assert sum(right) > 80


def test_what_does_not_fit_is_refused(start: Continuation) -> None:
    with pytest.raises(TrainingError, match=r"hidden size of the pretrained model is \d+, and not"):
        start.settings(TrainingSettings(hidden_size=77))
    classifier = start.artifact.classifier
    config = classifier.config.model_copy(update={"pad_token_id": 3})
    converted = replace(start.artifact, classifier=replace(classifier, config=config))
    with pytest.raises(TrainingError, match="was converted, with tokens that"):
        Continuation(converted).settings(OPEN)


def test_a_person_goes_on_from_a_model(tmp_path: Path, trained: Path) -> None:
    lines = [f"{example.label}\t{example.text}" for example in reviews(60)]
    (tmp_path / "more.tsv").write_text("\n".join(lines))
    done = conveyor(
        *("train", "--data", "more.tsv", "--pretrained", str(trained), "--epochs", "1"),
        *("--out", "mine", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"from {trained.name}" in done.stderr
    assert storage.load(tmp_path / "mine").classifier.config.labels == ("blame", "praise")
