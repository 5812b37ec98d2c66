import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conveyor import SHIPPED
from conveyor.model.artifact import language_model, storage
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.errors import ArtifactError
from conveyor.model.inference.classifier import Classifier, Trace
from conveyor.model.text.tokenizer import Encoding
from conveyor.model.training.pretrain import pretrain
from conveyor.model.verification.check import CHECKS, Finding, check
from tests.conftest import random_classifier
from tests.model.artifact.test_storage import edit_json, edit_weights
from tests.model.training.test_pretrain import QUICK, texts

COMPUTED = ("state equations", "reference", "batching", "resuming")


def outcomes(directory: Path) -> dict[str, str]:
    return {finding.check: finding.outcome for finding in check(directory)}


def failures(directory: Path) -> dict[str, str]:
    return {found.check: found.message for found in check(directory) if found.outcome == "failed"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Save a good model, to be broken: two layers that read forward."""
    classifier = random_classifier(num_layers=2)
    storage.save(tmp_path / "m", classifier, golden_text="the film was warm", card="# m\n")
    (tmp_path / "m" / MANIFEST).unlink()
    return tmp_path / "m"


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models") / "language"
    pretrain(texts(30), QUICK.model_copy(update={"epochs": 1, "backward": True}), made)
    return made


@pytest.fixture
def language(pretrained: Path, tmp_path: Path) -> Path:
    """Copy a good language model, to be broken."""
    copy = Path(shutil.copytree(pretrained, tmp_path / "language"))
    (copy / MANIFEST).unlink()
    return copy


def test_a_good_model_passes_all(directory: Path, trained: Path) -> None:
    for path in (directory, trained):
        assert set(outcomes(path).values()) == {"ok"}
    found = {finding.check: finding.message for finding in check(directory)}
    assert list(found) == [each.name for each in CHECKS]
    assert found["config"] == "an LSTM, 2 layer(s) of 4 units, 3 labels"
    assert "finite numbers in float32" in found["tensors"]


def test_what_a_model_does_not_have_is_skipped(tmp_path: Path, stacked: Path) -> None:
    assert {f.check: f.message for f in check(stacked) if f.outcome != "ok"} == {
        "resuming": "what reads from both ends cannot go on from a state"
    }
    simple = random_classifier(cell="rnn")
    storage.save(tmp_path, simple, golden_text="warm", card="# m\n")
    assert {f.check: f.message for f in check(tmp_path) if f.outcome != "ok"} == {
        "state equations": "a simple RNN has neither a cell state nor gates"
    }


def test_a_language_model_passes_what_applies(language: Path) -> None:
    for path in (language, SHIPPED.parent / "imdb-language"):
        assert {f.check: f.message for f in check(path) if f.outcome != "ok"} == {
            "golden example": "a language model has none"
        }


def test_a_model_that_reads_one_token_at_most_is_checked_too(tmp_path: Path) -> None:
    classifier = random_classifier(max_tokens=1)
    storage.save(tmp_path, classifier, golden_text="warm", card="# m\n")
    assert set(outcomes(tmp_path).values()) == {"ok"}


@pytest.mark.parametrize(
    ("spoil", "check", "says"),
    [
        (lambda m: (m / "golden.json").unlink(), "files", "golden.json is missing"),
        (lambda m: edit_json(m / "config.json", hidden_size=-1), "config", "hidden_size: "),
        (lambda m: edit_json(m / "config.json", hidden_size=5), "tensors", "has the shape"),
        (
            lambda m: edit_weights(m / "model.safetensors", lambda t: t["head.bias"].fill_(np.nan)),
            "tensors",
            "head.bias holds NaN or infinity",
        ),
        (
            lambda m: edit_weights(m / "model.safetensors", lambda t: t.pop("head.bias")),
            "tensors",
            "head.bias is missing",
        ),
        (lambda m: (m / "tokenizer.json").write_text("{}"), "tokenizer", "is not valid"),
        (
            lambda m: edit_json(m / "config.json", unk_token_id=0, pad_token_id=1),
            "tokenizer",
            "has the unknown token at 1",
        ),
        (lambda m: edit_json(m / "golden.json", text="it"), "golden example", "give the ids that"),
        (lambda m: (m / "golden.json").write_text("{}"), "golden example", "text: Field required"),
        (
            lambda m: edit_weights(m / "model.safetensors", lambda t: t["head.bias"][0].add_(1)),
            "golden example",
            "does not give the probabilities that golden.json holds",
        ),
        (lambda m: (m / "README.md").unlink(), "model card", "README.md is missing: a model"),
        (lambda m: (m / "README.md").write_text("---\n[\n---\n"), "model card", "not valid YAML"),
    ],
)
def test_what_is_broken_fails_its_check(
    directory: Path, spoil: Callable[[Path], Any], check: str, says: str
) -> None:
    spoil(directory)
    [(failed, sentence)] = failures(directory).items()
    assert failed == check
    assert says in sentence
    assert "\n" not in sentence


def test_numbers_that_overflow_fail(directory: Path) -> None:
    """Each weight is finite, but what is computed from them is not."""
    edit_weights(directory / "model.safetensors", lambda t: t["head.weight"].fill_(3e38))
    failed = failures(directory)
    assert set(failed) == {"golden example", "reference", "batching", "resuming"}
    assert failed["reference"].startswith("largest difference nan, where no more than 1e-04")


def test_what_stands_on_a_failed_check_is_skipped(directory: Path) -> None:
    edit_json(directory / "config.json", surprise=1)
    found = {finding.check: finding for finding in check(directory)}
    assert found["model card"].outcome == "ok"
    assert found["config"].outcome == "failed"
    assert found["files"] == Finding("files", "skipped", "this needs: config")
    assert found["tensors"] == Finding("tensors", "skipped", "this needs: files")
    for name in ("golden example", *COMPUTED):
        assert found[name] == Finding(name, "skipped", "this needs: tensors, tokenizer")


@pytest.mark.parametrize(
    ("spoil", "check", "says"),
    [
        (lambda m: (m / "tokenizer.json").unlink(), "files", "tokenizer.json is missing: a pre"),
        (lambda m: edit_json(m / "pretrained.json", cell="rnn"), "config", "cell: Input should"),
        (lambda m: edit_json(m / "pretrained.json", num_layers=2), "tensors", "l1 is missing"),
        (lambda m: (m / "tokenizer.json").write_text("{}"), "tokenizer", "is not valid"),
        (lambda m: (m / "README.md").unlink(), "model card", "is missing"),
    ],
)
def test_what_is_broken_in_a_language_model_fails_its_check(
    language: Path, spoil: Callable[[Path], Any], check: str, says: str
) -> None:
    spoil(language)
    [(failed, sentence)] = failures(language).items()
    assert failed == check
    assert says in sentence


def test_a_language_model_whose_numbers_overflow_fails(language: Path) -> None:
    def enlarge(tensors: dict[str, torch.Tensor]) -> None:
        for name in ("embedding.weight", "lstm.weight_ih_l0"):
            tensors[name] = tensors[name].float().sign() * 3e38

    edit_weights(language / "model.safetensors", enlarge)
    assert set(failures(language)) == set(COMPUTED)


def test_a_cell_state_that_does_not_follow_from_its_gates_fails(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Classifier.trace

    def shifted(self: Classifier, *arguments: Any, **named: Any) -> list[Trace]:
        traces = trace(self, *arguments, **named)
        for layer in (layer for each in traces for layer in each.layers):
            if "output_gate" in layer.tensors:
                layer.tensors["output_gate"] += np.float32(0.001)
        return traces

    monkeypatch.setattr(Classifier, "trace", shifted)
    assert set(failures(directory)) == {"state equations", "reference"}


def test_answers_that_do_not_follow_from_the_equations_fail(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Classifier.predict
    monkeypatch.setattr(Classifier, "predict", lambda *given: predict(*given) + 0.001)
    assert set(failures(directory)) == {"reference"}


def test_answers_that_depend_on_the_batch_fail(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Classifier.predict

    def crowded(self: Classifier, encodings: list[Encoding]) -> Any:
        return predict(self, encodings) + 5e-5 * (len(encodings) - 1)

    monkeypatch.setattr(Classifier, "predict", crowded)
    assert "batching" in failures(directory)


def test_texts_that_do_not_go_on_from_their_state_fail(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Classifier.trace

    def forgetful(*given: Any, starts: Any = None) -> list[Trace]:
        del starts
        return trace(*given)

    monkeypatch.setattr(Classifier, "trace", forgetful)
    assert set(failures(directory)) == {"resuming"}


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a directory: give one that `conveyor"):
        check(tmp_path / "nowhere")


def test_a_classifier_beside_a_language_model_is_the_classifier(
    directory: Path, pretrained: Path
) -> None:
    shutil.copy(pretrained / language_model.CONFIG, directory)
    assert outcomes(directory)["golden example"] == "ok"
