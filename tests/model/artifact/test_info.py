import json
import shutil
from pathlib import Path

import orjson
import pytest
import safetensors.torch
import torch

from conveyor.model.artifact import language_model, model_files, storage
from conveyor.model.artifact.info import info
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.errors import ArtifactError
from conveyor.model.training.pretrain import pretrain
from tests.conftest import random_classifier
from tests.model.training.test_pretrain import QUICK, texts


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "language"
    pretrain(texts(30), QUICK.model_copy(update={"epochs": 1}), directory)
    return directory


def test_a_classifier_is_told_as_it_is_loaded(stacked: Path) -> None:
    told, loaded = info(stacked), storage.load(stacked)
    assert told.kind == "classifier"
    assert (told.artifact.name, told.artifact.sha256) == ("stacked", loaded.sha256)
    assert told.config == loaded.classifier.config
    assert told.labels == ["blame", "mixed feelings", "praise"]
    total = sum(parameter.numel() for parameter in loaded.classifier.network.parameters())
    assert told.parameters.total == sum(part.count for part in told.parts) == total
    assert told.dtypes == ["float32"]
    assert told.metrics == []


def test_files_are_told_with_their_sizes(trained: Path) -> None:
    told = info(trained)
    assert {file.name: file.bytes for file in told.files} == {
        path.name: path.stat().st_size for path in trained.iterdir()
    }
    assert told.bytes == sum(path.stat().st_size for path in trained.iterdir())
    assert told.dtypes == ["float16"]
    assert [metric.type for metric in told.metrics] == ["accuracy", "expected_calibration_error"]


def test_a_language_model_is_told_too(language: Path) -> None:
    told, loaded = info(language), language_model.load(language)
    assert told.kind == "language model"
    assert (told.artifact.sha256, told.config) == (loaded.sha256, loaded.config)
    assert told.labels == []
    assert told.parameters.total == sum(weight.numel() for weight in loaded.weights.values())
    assert told.dtypes == ["float16"]
    [metric] = told.metrics
    assert metric.type == "perplexity"


def test_the_network_is_not_run(stacked: Path, tmp_path: Path) -> None:
    """A golden example that does not come out is no obstacle, as it is to loading."""
    directory = shutil.copytree(stacked, tmp_path / "m")
    golden = json.loads((directory / model_files.GOLDEN).read_text())
    (directory / model_files.GOLDEN).write_text(json.dumps(golden | {"text": "another"}))
    (directory / MANIFEST).unlink()
    with pytest.raises(ArtifactError):
        storage.load(directory)
    assert info(directory).artifact.sha256 == storage.load(stacked).sha256


def test_tensors_of_several_types_are_told(tmp_path: Path) -> None:
    storage.save(tmp_path, random_classifier(), golden_text="a", card="")
    tensors = safetensors.torch.load_file(tmp_path / model_files.WEIGHTS)
    tensors["head.bias"] = tensors["head.bias"].to(torch.bfloat16)
    safetensors.torch.save_file(tensors, tmp_path / model_files.WEIGHTS)
    (tmp_path / MANIFEST).unlink()
    assert info(tmp_path).dtypes == ["bfloat16", "float32"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (model_files.CONFIG, "config.json is not valid"),
        (model_files.WEIGHTS, "model.safetensors is not valid"),
        (model_files.TOKENIZER, "tokenizer.json is not valid"),
    ],
)
def test_what_is_broken_is_one_sentence(
    stacked: Path, tmp_path: Path, name: str, says: str
) -> None:
    directory = shutil.copytree(stacked, tmp_path / "m")
    (directory / name).write_bytes((directory / name).read_bytes()[:-20])
    with pytest.raises(ArtifactError, match=f"{name} is not as it was written"):
        info(directory)
    (directory / MANIFEST).unlink()
    with pytest.raises(ArtifactError, match=says):
        info(directory)


def test_a_directory_of_neither_kind(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"config\.json is missing: a model directory holds"):
        info(tmp_path)
    with pytest.raises(ArtifactError, match="is not a directory: give one that"):
        info(tmp_path / "nowhere")


def test_a_name_that_is_not_unicode_can_be_told_as_json(tmp_path: Path) -> None:
    directory = tmp_path / "m\udcff"
    storage.save(directory, random_classifier(), golden_text="a", card="")
    told = json.loads(orjson.dumps(info(directory).model_dump(mode="json")))
    assert told["artifact"]["name"] == "m\ufffd"
