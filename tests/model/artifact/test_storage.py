import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from conveyor.model.artifact import model_files, storage
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.errors import ArtifactError
from conveyor.model.files import write_atomically
from tests.conftest import random_classifier, reviews

TEXTS = [example.text for example in reviews(10)]


@pytest.fixture
def directory(stacked: Path, tmp_path: Path) -> Path:
    """A copy of a good artifact, to be broken; nothing says how its files were written."""
    copy = Path(shutil.copytree(stacked, tmp_path / "broken"))
    (copy / MANIFEST).unlink()
    return copy


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_loaded_it_predicts_as_it_did_when_saved(tmp_path: Path, cell: str) -> None:
    classifier = random_classifier(cell=cell, num_layers=2, bidirectional=True)
    storage.save(tmp_path / "a", classifier, golden_text=TEXTS[0], card="# a")
    loaded = storage.load(tmp_path / "a")
    assert loaded.name == "a"
    assert loaded.classifier.config == classifier.config
    encodings = classifier.encode(TEXTS)
    assert loaded.classifier.encode(TEXTS) == encodings
    np.testing.assert_array_equal(
        loaded.classifier.predict(encodings), classifier.predict(encodings)
    )


def test_half_precision_halves_the_file_and_keeps_the_predictions(tmp_path: Path) -> None:
    classifier = random_classifier()
    for name, dtype in (("full", torch.float32), ("half", torch.float16)):
        storage.save(tmp_path / name, classifier, golden_text="a", card="", dtype=dtype)
    sizes = [(tmp_path / name / model_files.WEIGHTS).stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.7 * sizes[0]
    half = storage.load(tmp_path / "half").classifier
    assert half.network.head.weight.dtype == torch.float32
    encodings = classifier.encode(TEXTS)
    np.testing.assert_allclose(half.predict(encodings), classifier.predict(encodings), atol=2e-3)


def test_the_hash_depends_on_all_that_decides_answers(directory: Path) -> None:
    before = storage.load(directory).sha256
    (directory / model_files.CARD).write_text("another card")
    assert storage.load(directory).sha256 == before
    edit_json(directory / model_files.CONFIG, max_tokens=60)
    assert storage.load(directory).sha256 != before


def test_no_file_is_a_pickle(stacked: Path, trained: Path) -> None:
    for directory in (stacked, trained):
        names = {path.name for path in directory.iterdir()}
        assert names == {
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "golden.json",
            "README.md",
            "SHA256SUMS",
        }


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "golden.json"]
)
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing: a model directory holds"):
        storage.load(directory)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "golden.json"]
)
def test_a_truncated_file_is_named(directory: Path, name: str) -> None:
    path = directory / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=f"{name} is not valid"):
        storage.load(directory)


def test_a_file_in_place_of_a_directory(directory: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a directory"):
        storage.load(directory / "config.json")


def test_a_directory_in_place_of_a_file(directory: Path) -> None:
    (directory / "config.json").unlink()
    (directory / "config.json").mkdir()
    with pytest.raises(ArtifactError, match=r"config\.json cannot be read: Is a directory"):
        storage.load(directory)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("lstm.weight_hh_l1_reverse"), "lstm.weight_hh_l1_reverse is missing"),
        (lambda t: t.update(extra=torch.ones(1)), "extra is not part of the model"),
        (
            lambda t: t.update({"head.bias": torch.ones(7)}),
            r"head.bias has the shape \(7,\), but config.json asks for \(3,\)",
        ),
        (
            lambda t: t.update({"head.bias": torch.tensor([1.0, torch.nan, 1.0])}),
            "head.bias holds NaN or infinity",
        ),
        (
            lambda t: t.update({"head.bias": torch.full((3,), 1e39, dtype=torch.float64)}),
            "head.bias holds NaN or infinity, in single precision",
        ),
        (
            lambda t: t.update({"head.bias": torch.ones(3, dtype=torch.int64)}),
            "head.bias holds torch.int64, not floats of 16 to 64 bits",
        ),
        (
            lambda t: t.update({"head.bias": torch.ones(3).to(torch.float8_e5m2)}),
            "head.bias holds torch.float8_e5m2, not floats",
        ),
        (
            lambda t: t["head.bias"].add_(torch.tensor([1.0, 0.0, 0.0])),
            "does not give the probabilities that golden.json holds",
        ),
        (
            lambda t: t["lstm.weight_ih_l0"].mul_(1.1),
            "does not give the (hidden|probabilities) that golden.json holds",
        ),
    ],
)
def test_a_wrong_tensor_is_named(
    directory: Path, change: Callable[[dict[str, torch.Tensor]], Any], says: str
) -> None:
    edit_weights(directory / model_files.WEIGHTS, change)
    with pytest.raises(ArtifactError, match=says):
        storage.load(directory)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden_size": 10**9}, "hidden_size: Input should be less than"),
        ({"hidden_size": 60_000}, "has the shape .* but config.json asks for"),
        ({"cell": "rnn"}, "rnn.bias_hh_l0 is missing"),
        ({"num_layers": 1}, "lstm.bias_hh_l1 is not part of the model"),
        ({"vocab_size": 5}, r"tokenizer.json has .* entries, which are not the ids 0 to 4 that"),
        ({"hidden_size": -1}, "config.json is not valid: hidden_size: "),
        ({"surprise": 1}, "config.json is not valid: surprise: "),
    ],
)
def test_a_wrong_config_is_named(directory: Path, changes: dict[str, Any], says: str) -> None:
    edit_json(directory / model_files.CONFIG, **changes)
    with pytest.raises(ArtifactError, match=says):
        storage.load(directory)


def test_an_unknown_token_of_another_id_is_refused(directory: Path) -> None:
    edit_json(directory / model_files.CONFIG, unk_token_id=0, pad_token_id=1)
    with pytest.raises(ArtifactError, match=r"has the unknown token at 1, but config.json says 0"):
        storage.load(directory)


@pytest.mark.parametrize(
    "change",
    [
        lambda vocabulary: vocabulary.update(film=len(vocabulary) + 5),  # an id outside
        lambda vocabulary: vocabulary.update(film=vocabulary["the"]),  # an id twice
    ],
)
def test_a_vocabulary_with_gaps_is_refused(
    directory: Path, change: Callable[[dict[str, int]], Any]
) -> None:
    path = directory / model_files.TOKENIZER
    content = json.loads(path.read_text())
    change(content["model"]["vocab"])
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=r"tokenizer.json has \d+ entries, which are not"):
        storage.load(directory)


def test_a_tokenizer_that_cannot_encode_is_refused(directory: Path) -> None:
    path = directory / model_files.TOKENIZER
    content = json.loads(path.read_text())
    content["model"]["unk_token"] = "[NONE]"
    path.write_text(json.dumps(content))
    edit_json(directory / model_files.GOLDEN, text="unheard-of")
    with pytest.raises(ArtifactError, match=r"tokenizer.json is not valid: it fails at a text"):
        storage.load(directory)


def test_a_foreign_golden_example_is_refused(directory: Path) -> None:
    edit_json(directory / model_files.GOLDEN, text="another text")
    with pytest.raises(ArtifactError, match="does not give the ids"):
        storage.load(directory)


def test_a_golden_example_of_another_shape_is_refused(directory: Path) -> None:
    edit_json(directory / model_files.GOLDEN, cell=[[0.0], [0.0, 1.0]])
    with pytest.raises(ArtifactError, match="does not give the cell"):
        storage.load(directory)


def test_the_golden_text_may_have_no_tokens(tmp_path: Path) -> None:
    storage.save(tmp_path, random_classifier(), golden_text="", card="")
    assert storage.load(tmp_path)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    (tmp_path / "file.partial").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
