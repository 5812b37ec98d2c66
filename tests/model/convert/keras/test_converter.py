"""Models that Keras itself has made and saved, converted and compared with it."""

import json
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from conveyor.model.convert.head import PARTS, Part, read_parts
from conveyor.model.convert.keras.converter import read_keras
from conveyor.model.convert.source import Hints
from conveyor.model.errors import ConversionError
from tests.model.convert.published import (
    ROWS,
    TEXTS,
    VOCABULARY,
    convert,
    named,
    probabilities,
    save_vocabulary,
    served,
)

os.environ["KERAS_BACKEND"] = "torch"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")
    import h5py

# Keras's own variables, and what it says of HDF5.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def recurrent(kind: str = "LSTM", *, bidirectional: bool = False, **options: object) -> Any:
    layer = getattr(keras.layers, kind)(4, **options)
    return keras.layers.Bidirectional(layer) if bidirectional else layer


def head(pooled: Any, outputs: int = 3, activation: str | None = "softmax") -> Any:
    return keras.layers.Dense(outputs, activation=activation)(pooled)


def pooled_model(parts: tuple[Part, ...], layers: int, *, bidirectional: bool) -> Any:
    """Make a functional model; last states alone come from a cell that returns no others."""
    ids = keras.Input((None,), dtype="int32")
    steps = keras.layers.Embedding(ROWS, 5)(ids)
    for _ in range(layers - 1):
        steps = recurrent(bidirectional=bidirectional, return_sequences=True)(steps)
    if parts == ("last",):
        return randomized(keras.Model(ids, head(recurrent(bidirectional=bidirectional)(steps))))
    options: dict[str, Any] = {"return_sequences": True, "return_state": "last" in parts}
    found = recurrent(bidirectional=bidirectional, **options)(steps)
    states = []
    if "last" in parts:
        found, *states = found
    ends = states[0::2]  # h of each direction
    pools = {
        "last": lambda: ends[0] if len(ends) == 1 else keras.layers.Concatenate()(ends),
        "max": lambda: keras.layers.GlobalMaxPooling1D()(found),
        "mean": lambda: keras.layers.GlobalAveragePooling1D()(found),
    }
    vectors = [pools[part]() for part in parts]
    pooled = vectors[0] if len(vectors) == 1 else keras.layers.Concatenate()(vectors)
    return randomized(keras.Model(ids, head(pooled)))


def randomized(model: Any) -> Any:
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(-0.6, 0.6, weight.shape) for weight in model.get_weights()])
    return model


def sequential(*layers: Any) -> Any:
    return randomized(keras.Sequential([keras.Input((None,), dtype="int32"), *layers]))


def answers(model: Any) -> np.ndarray:
    return np.concatenate([np.asarray(model(np.array([ids], np.int32)).detach()) for ids in TEXTS])


@pytest.mark.parametrize("parts", [*[(part,) for part in get_args(Part)], PARTS])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_shape_agrees_with_keras(
    tmp_path: Path, layers: int, bidirectional: bool, parts: tuple[Part, ...]
) -> None:
    model = pooled_model(parts, layers, bidirectional=bidirectional)
    model.save(tmp_path / "model.keras")
    flags = [*save_vocabulary(tmp_path), *named(3)]
    said = convert(tmp_path / "model.keras", tmp_path / "out", *flags)
    assert "Keras" in said
    classifier = served(tmp_path / "out")
    assert classifier.config.num_layers == layers
    assert classifier.config.bidirectional == bidirectional
    np.testing.assert_allclose(probabilities(classifier), answers(model), atol=1e-5)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_output_becomes_two_labels(tmp_path: Path, name: str, activation: str | None) -> None:
    layers = keras.layers
    model = sequential(
        layers.Embedding(ROWS, 5), layers.SpatialDropout1D(0.2), layers.LSTM(4),
        layers.Dropout(0.5), layers.Dense(1, activation=activation),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls whole-model HDF5 legacy
        model.save(tmp_path / name)
    convert(tmp_path / name, tmp_path / "out", *save_vocabulary(tmp_path), *named(2))
    second = probabilities(served(tmp_path / "out"))[:, 1]
    expected = answers(model)[:, 0]
    if activation is None:
        expected = 1 / (1 + np.exp(-expected))
    np.testing.assert_allclose(second, expected, atol=1e-5)


def test_a_simple_recurrent_network_is_one_here(tmp_path: Path) -> None:
    layers = keras.layers
    model = sequential(
        layers.Embedding(ROWS, 5), layers.SimpleRNN(4), layers.Dense(3, activation="softmax")
    )
    model.save(tmp_path / "model.keras")
    convert(tmp_path / "model.keras", tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    classifier = served(tmp_path / "out")
    assert classifier.config.cell == "rnn"
    np.testing.assert_allclose(probabilities(classifier), answers(model), atol=1e-5)


def test_a_cell_without_biases(tmp_path: Path) -> None:
    layers = keras.layers
    model = sequential(
        layers.Embedding(ROWS, 5), layers.LSTM(4, use_bias=False),
        layers.Dense(3, activation="softmax", use_bias=False),
    )  # fmt: skip
    model.save(tmp_path / "model.keras")
    convert(tmp_path / "model.keras", tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    np.testing.assert_allclose(probabilities(served(tmp_path / "out")), answers(model), atol=1e-5)


REFUSED = [
    (lambda k: [k.LSTM(4, recurrent_activation="hard_sigmoid")], "recurrent.activation"),
    (lambda k: [k.LSTM(4, activation="relu")], "activation"),
    (lambda k: [k.LSTM(4, go_backwards=True)], "go.backwards"),
    (lambda k: [k.GRU(4)], "GRU"),
    (lambda k: [k.Bidirectional(k.LSTM(4), merge_mode="sum")], "merge.mode"),
    (lambda k: [k.LSTM(4, return_sequences=True), k.Conv1D(4, 3), k.LSTM(4)], "Conv1D"),
    (lambda k: [k.LSTM(4), k.Dense(8, activation="relu")], "Dense|dense"),
    (lambda k: [k.LSTM(4), k.LayerNormalization()], "LayerNormalization"),
    (lambda k: [k.GlobalMaxPooling1D()], "LSTM"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "says"), REFUSED)
def test_what_cannot_be_represented_is_refused_by_name(
    tmp_path: Path, layers: Any, says: str
) -> None:
    model = sequential(
        keras.layers.Embedding(ROWS, 5), *layers(keras.layers), keras.layers.Dense(3, "softmax")
    )
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=says):
        convert(tmp_path / "model.keras", tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    layers = keras.layers
    model = sequential(layers.Embedding(ROWS, 5), layers.LSTM(4), layers.Dense(3, "softmax"))
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def rewritten(archive: Path, name: str, content: bytes) -> None:
    """Put other content in the place of a file of an archive."""
    with zipfile.ZipFile(archive) as opened:
        members = {member: opened.read(member) for member in opened.namelist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for member, old in (members | {name: content}).items():
            opened.writestr(member, old if member != name else content)


def refused(archive: Path, says: str) -> None:
    with pytest.raises(ConversionError, match=says) as caught:
        read_keras(archive, Hints())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_that_is_cut_short(archive: Path, name: str, share: float) -> None:
    content = archive.read_bytes()
    broken = archive.with_name(name)
    broken.write_bytes(content[: int(len(content) * share)])
    refused(broken, "model")


def test_a_layer_with_code_is_refused_and_not_run(archive: Path, tmp_path: Path) -> None:
    layers = keras.layers
    flag = tmp_path / "ran"
    model = sequential(layers.Embedding(ROWS, 5), layers.LSTM(4), layers.Dense(3, "softmax"))
    config = json.loads(zipfile.ZipFile(_saved(model, archive)).read("config.json"))
    config["config"]["layers"].append(
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"name": "code", "function": f"lambda x: open({str(flag)!r}, 'w') and x"},
        }
    )
    rewritten(archive, "config.json", json.dumps(config).encode())
    refused(archive, "Lambda")
    assert not flag.exists()


def _saved(model: Any, path: Path) -> Path:
    model.save(path)
    return path


def test_an_archive_that_unpacks_to_far_more_than_it_is(archive: Path) -> None:
    rewritten(archive, "model.weights.h5", b"\0" * 200_000_000)
    assert archive.stat().st_size < 1_000_000
    refused(archive, "model.weights.h5|unpack|larger")


def test_a_tensor_of_the_wrong_shape(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        weights = opened.read("model.weights.h5")
    path = tmp_path / "weights.h5"
    path.write_bytes(weights)
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visit(names.append)
        kernel = next(name for name in names if "lstm" in name and name.endswith("vars/0"))
        del file[kernel]
        file[kernel] = np.zeros((7, 16), np.float32)
    rewritten(archive, "model.weights.h5", path.read_bytes())
    refused(archive, "7")


def test_weights_alone_have_no_configuration(tmp_path: Path) -> None:
    layers = keras.layers
    model = sequential(layers.Embedding(ROWS, 5), layers.LSTM(4), layers.Dense(3, "softmax"))
    model.save_weights(tmp_path / "a.weights.h5")
    refused(tmp_path / "a.weights.h5", "weights")


def test_the_vocabulary_of_the_tests_is_that_of_the_models() -> None:
    assert len(VOCABULARY) == ROWS
    assert read_parts("concat") == PARTS
