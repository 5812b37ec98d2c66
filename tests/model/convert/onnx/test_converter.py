"""Graphs that PyTorch has exported, and some made by hand, converted and compared."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnx.helper as make
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn

from conveyor.model.convert.head import Part, read_parts
from conveyor.model.convert.onnx.converter import read_onnx
from conveyor.model.convert.source import Hints
from conveyor.model.errors import ConversionError
from tests.model.convert.published import (
    ROWS,
    TEXTS,
    Pooled,
    alone,
    convert,
    named,
    probabilities,
    randomize,
    save_vocabulary,
    served,
    softmax,
)


def export(model: nn.Module, path: Path, *, dynamo: bool) -> Path:
    """Export the graph of a model that takes texts (B, T) of any number and length."""
    example = torch.randint(0, ROWS, (2, 7))
    axes: dict[str, Any]
    if dynamo:
        texts, steps = torch.export.Dim("texts", min=1, max=64), torch.export.Dim("steps", max=512)
        axes = {"dynamic_shapes": ({0: texts, 1: steps},), "verbose": False}
    else:
        axes = {"dynamic_axes": {"ids": {0: "texts", 1: "steps"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own
        torch.onnx.export(
            model.eval(), (example,), path, input_names=["ids"], dynamo=dynamo, **axes
        )
    return path


@pytest.mark.parametrize("pooling", [*get_args(Part), "concat"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_shape_agrees_with_its_graph(
    tmp_path: Path, layers: int, bidirectional: bool, pooling: str
) -> None:
    model = Pooled(read_parts(pooling), layers=layers, bidirectional=bidirectional)
    graph = export(model, tmp_path / "model.onnx", dynamo=False)
    said = convert(graph, tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    assert "ONNX" in said
    classifier = served(tmp_path / "out")
    assert classifier.config.num_layers == layers
    assert classifier.config.bidirectional == bidirectional
    np.testing.assert_allclose(probabilities(classifier), softmax(alone(model)), atol=1e-5)


class Ended(nn.Module):
    """A classifier with something behind its head."""

    def __init__(self, inner: nn.Module, end: nn.Module) -> None:
        super().__init__()
        self.inner, self.end = inner, end

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.end(self.inner(ids))
        return found


@pytest.mark.parametrize("dynamo", [False, True])
def test_probabilities_behind_the_head(tmp_path: Path, dynamo: bool) -> None:
    model = Ended(Pooled(), nn.Softmax(dim=-1))
    graph = export(model, tmp_path / "model.onnx", dynamo=dynamo)
    convert(graph, tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    np.testing.assert_allclose(probabilities(served(tmp_path / "out")), alone(model), atol=1e-5)


def test_one_output_becomes_two_labels(tmp_path: Path) -> None:
    model = Ended(Pooled(labels=1), nn.Sigmoid())
    graph = export(model, tmp_path / "model.onnx", dynamo=False)
    convert(graph, tmp_path / "out", *save_vocabulary(tmp_path), *named(2))
    second = probabilities(served(tmp_path / "out"))[:, 1]
    np.testing.assert_allclose(second, alone(model)[:, 0], atol=1e-5)


class Other(nn.Module):
    """Classifiers that cannot be represented."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.embedding = nn.Embedding(ROWS, 5)
        self.gru, self.lstm = nn.GRU(5, 4, batch_first=True), nn.LSTM(5, 4, batch_first=True)
        self.attention, self.norm = nn.Linear(4, 1), nn.LayerNorm(4)
        self.hidden, self.fc = nn.Linear(4, 4), nn.Linear(4, 3)
        randomize(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        steps = self.embedding(ids)
        if self.kind == "no LSTM":
            pooled = self.hidden(steps.max(dim=1).values[:, :4])
        elif self.kind == "GRU":
            pooled = self.gru(steps)[0][:, -1]
        else:
            states = self.lstm(steps)[0]
            pooled = {
                "attention": lambda: (states * self.attention(states).softmax(1)).sum(1),
                "normalized": lambda: self.norm(states[:, -1]),
                "deep head": lambda: self.hidden(states[:, -1]).relu(),
                "minimum": lambda: states.min(dim=1).values,
            }[self.kind]()
        logits: torch.Tensor = self.fc(pooled)
        return logits


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("no LSTM", "LSTM"),
        ("GRU", "GRU"),
        ("attention", "Softmax|Mul|MatMul|attention"),
        ("normalized", "LayerNormalization|Pow|Sqrt|ReduceMean"),
        ("deep head", "Relu"),
        ("minimum", "ReduceMin"),
    ],
)
def test_what_cannot_be_represented_is_refused_by_name(
    tmp_path: Path, kind: str, says: str
) -> None:
    graph = export(Other(kind), tmp_path / "model.onnx", dynamo=False)
    with pytest.raises(ConversionError, match=says):
        convert(graph, tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    assert not (tmp_path / "out").exists()


def by_hand(
    tensors: Sequence[str] = (), direction: str = "forward", **attributes: Any
) -> onnx.ModelProto:
    """Make a graph of one LSTM; ``tensors`` are further inputs of it that are not zero."""
    rng = np.random.default_rng(0)
    shapes = {
        "table": (ROWS, 5), "W": (1, 16, 5), "R": (1, 16, 4), "B": (1, 32), "P": (1, 12),
        "initial_h": (1, 1, 4), "initial_c": (1, 1, 4), "head": (4, 3), "bias": (3,),
    }  # fmt: skip
    names = ["X", "W", "R", "B", "", *("initial_h", "initial_c", "P")]
    inputs = [name if name in {"X", "W", "R", "B", *tensors} else "" for name in names]
    while not inputs[-1]:
        inputs.pop()
    nodes = [
        make.make_node("Gather", ["table", "ids"], ["embedded"]),
        make.make_node("Transpose", ["embedded"], ["X"], perm=[1, 0, 2]),
        make.make_node(
            "LSTM", inputs, ["", "end"], hidden_size=4, direction=direction, **attributes
        ),
        make.make_node("Squeeze", ["end", "axis"], ["state"]),
        make.make_node("MatMul", ["state", "head"], ["product"]),
        make.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(rng.uniform(-0.6, 0.6, shape).astype(np.float32), name)
        for name, shape in shapes.items()
        if name in {"table", "W", "R", "B", "head", "bias", *tensors}
    ]
    constants.append(numpy_helper.from_array(np.array([0]), "axis"))
    graph = make.make_graph(
        nodes,
        "by hand",
        [make.make_tensor_value_info("ids", TensorProto.INT64, [1, "steps"])],
        [make.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])],
        constants,
    )
    return make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)


def test_a_graph_made_by_hand(tmp_path: Path) -> None:
    onnx.save(by_hand(), tmp_path / "model.onnx")
    convert(tmp_path / "model.onnx", tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    logits = np.concatenate(
        [session.run(None, {"ids": np.array([ids], np.int64)})[0] for ids in TEXTS]
    )
    np.testing.assert_allclose(probabilities(served(tmp_path / "out")), softmax(logits), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: by_hand(["P"]), "peephole"),
        (lambda: by_hand(clip=0.5), "clip"),
        (lambda: by_hand(input_forget=1), "input_forget"),
        (lambda: by_hand(activations=["HardSigmoid", "Tanh", "Tanh"]), "HardSigmoid|activation"),
        (lambda: by_hand(direction="reverse"), "reverse"),
        (lambda: by_hand(["initial_h"]), "initial"),
    ],
)
def test_what_an_lstm_may_not_have_is_refused_by_name(
    tmp_path: Path, model: Any, says: str
) -> None:
    onnx.save(model(), tmp_path / "model.onnx")
    with pytest.raises(ConversionError, match=says):
        convert(tmp_path / "model.onnx", tmp_path / "out", *save_vocabulary(tmp_path), *named(3))
    assert not (tmp_path / "out").exists()


def refused(path: Path, says: str) -> None:
    with pytest.raises(ConversionError, match=says) as caught:
        read_onnx(path, Hints())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.99])
def test_a_file_that_is_cut_short(tmp_path: Path, share: float) -> None:
    content = by_hand().SerializeToString()
    (tmp_path / "model.onnx").write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / "model.onnx", r"model\.onnx")


def test_a_tensor_of_the_wrong_shape(tmp_path: Path) -> None:
    model = by_hand()
    [weights] = [each for each in model.graph.initializer if each.name == "R"]
    weights.CopyFrom(numpy_helper.from_array(np.zeros((1, 16, 3), np.float32), "R"))
    onnx.save(model, tmp_path / "model.onnx")
    refused(tmp_path / "model.onnx", "R|shape|LSTM")


def test_weights_in_a_file_elsewhere_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    model = by_hand()
    onnx.save(
        model, tmp_path / "in" / "model.onnx", save_as_external_data=True,
        size_threshold=0, location="weights.bin",
    )  # fmt: skip
    (tmp_path / "in" / "weights.bin").rename(tmp_path / "weights.bin")
    model = onnx.load(tmp_path / "in" / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../weights.bin"
    (tmp_path / "in" / "model.onnx").write_bytes(model.SerializeToString())
    refused(tmp_path / "in" / "model.onnx", "weights")
