"""The layers of a Keras model, read one call after the other as the parts of a network.

G is the number of gates of the cell, H the units of one direction, X the inputs of a layer, V the
vocabulary, W the units of all directions of the top layer, K the columns that the head reads, L its
outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from conveyor.model.convert.head import PARTS
from conveyor.model.convert.keras.options import check_options, plain
from conveyor.model.convert.keras.values import Call, CellState, Ids, Scores, Steps, Units, Value
from conveyor.model.convert.keras.weights import Weights
from conveyor.model.convert.network import Array, Direction, Layer, Network
from conveyor.model.errors import ConversionError
from conveyor.model.network.config import CellName

CELLS: Mapping[str, CellName] = {"LSTM": "lstm", "SimpleRNN": "rnn"}

# Keras's gates i, f, c, o (keras.layers.LSTM, 3.15) are in PyTorch's order.
GATES: Mapping[CellName, int] = {"lstm": 4, "rnn": 1}


class LayerReader:
    """The parts of a network, as far as the layers of its model have been called."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.shape: Sequence[int | None] = (None, None)  # of the ids
        self.embedding: Array | None = None  # (V, X)
        self.layers: list[Layer] = []
        self.head: Array | None = None  # (L, K)
        self.bias: Array = np.empty(0, np.float32)
        self.reads: tuple[int, ...] = ()
        self.notes: list[str] = []
        self.skips: int | None = None
        self.readers: Mapping[str, Callable[[Call], Sequence[Value]]] = {
            "InputLayer": self._input,
            "Embedding": self._embedding,
            "LSTM": self._recurrent,
            "SimpleRNN": self._recurrent,
            "Bidirectional": self._recurrent,
            "GlobalMaxPooling1D": self._pooling,
            "GlobalAveragePooling1D": self._pooling,
            "Concatenate": self._concatenate,
            "Dropout": lambda call: call.inputs,
            "SpatialDropout1D": lambda call: call.inputs,
            "Dense": self._dense,
            "Activation": self._activation,
            "Softmax": self._activation,
            "NotEqual": self._mask,
            "GetItem": self._last_step,
        }

    def call(
        self, layer: Mapping[str, Any], inputs: Sequence[Value], constants: Sequence[Any] = ()
    ) -> Sequence[Value]:
        """Read a layer as it is called on values, and return its outputs.

        Raises ConversionError, and what a configuration of another form leads to.
        """
        kind, config = layer["class_name"], layer["config"]
        call = Call(kind, config["name"], config, inputs, constants)
        check_options(call)
        self.weights.count(kind)
        if kind != "Concatenate" and len(inputs) != 1:
            raise call.refusal("reads several values: an artifact has no such layer")
        if any(isinstance(value, CellState) for value in inputs):
            raise call.refusal("reads the cell state c, which no pooling gives")
        return self.readers[kind](call)

    def network(self) -> Network:
        """Return the network that the layers are. Raises ConversionError if parts are missing."""
        if self.embedding is None or self.head is None:
            raise ConversionError("it has no embedding and no head")
        return Network(self.embedding, self.layers, self.head, self.bias, self.reads)

    def _input(self, call: Call) -> Sequence[Value]:
        shape: Sequence[int | None] = (
            call.config.get("batch_shape") or call.config["batch_input_shape"]
        )
        if len(shape) != len(self.shape):
            raise call.refusal(f"takes values of the shape {shape}, not token ids (texts, steps)")
        self.shape = shape
        return [Ids()]

    def _embedding(self, call: Call) -> Sequence[Value]:
        if self.embedding is not None or call.inputs != [Ids()]:
            raise call.refusal("does not look up the token ids, once")
        size = call.size("input_dim"), call.size("output_dim")
        self.embedding = self.weights.read(call, ("vars/0", 0), size, "embedding.weight")
        if call.config.get("mask_zero"):
            self.skips = 0
            self.notes.append("Keras skips the token id 0 wherever it stands (mask_zero).")
        return [Steps(0, size[1])]

    def _recurrent(self, call: Call) -> Sequence[Value]:
        (value,) = call.inputs
        if not isinstance(value, Steps) or value.depth != len(self.layers):
            raise call.refusal("does not read the embedding, or all states of the layer below")
        if call.kind == "Bidirectional":
            forward, backward = _both_directions(call)
            places = [(forward, "forward_layer/cell"), (backward, "backward_layer/cell")]
        else:
            forward, places = call, [(call, "cell")]
        cell = CELLS[forward.kind]
        directions = [
            self._direction(call, inner, place, number, value.width)
            for number, (inner, place) in enumerate(places)
        ]
        layer = Layer(call.name, cell, directions)
        self.layers.append(layer)
        return _outputs(layer, len(self.layers), forward.config)

    def _direction(self, call: Call, inner: Call, place: str, number: int, x: int) -> Direction:
        """Read the weights of one direction of a layer, which reads ``x`` numbers a step."""
        cell, units = CELLS[inner.kind], inner.size("units")
        rows, biased = GATES[cell] * units, inner.config.get("use_bias", True)
        end = f"l{len(self.layers)}{'_reverse' if number else ''}"
        first = number * (3 if biased else 2)

        def weight(index: int, shape: tuple[int, ...], name: str) -> Array:
            at = f"{place}/vars/{index}", first + index
            return self.weights.read(call, at, shape, f"{cell}.{name}_{end}")

        kernel = weight(0, (x, rows), "weight_ih")
        recurrent = weight(1, (units, rows), "weight_hh")
        zeros = np.zeros(rows, kernel.dtype)
        bias = weight(2, (rows,), "bias_ih") if biased else zeros
        return Direction(kernel.T, recurrent.T, bias, zeros)

    def _pooling(self, call: Call) -> Sequence[Value]:
        (value,) = call.inputs
        if not isinstance(value, Steps) or value.depth == 0:
            raise call.refusal("does not pool the states of an LSTM")
        part = PARTS.index("max" if call.kind == "GlobalMaxPooling1D" else "mean")
        return [Units(value.depth, tuple(range(part * value.width, (part + 1) * value.width)))]

    def _last_step(self, call: Call) -> Sequence[Value]:
        """Read ``states[:, -1]``: the pooling "last" of a layer that reads forward."""
        (value,) = call.inputs
        if not isinstance(value, Steps) or value.depth == 0 or not _is_last(call.constants):
            raise call.refusal("takes other steps than the last")
        if len(self.layers[value.depth - 1].directions) > 1:
            raise call.refusal(
                "reads the backward direction at the last step, where it has read one token only, "
                "which no pooling gives"
            )
        return [Units(value.depth, tuple(range(value.width)))]

    def _concatenate(self, call: Call) -> Sequence[Value]:
        units = [value for value in call.inputs if isinstance(value, Units)]
        depths = {value.depth for value in units}
        if len(units) < len(call.inputs) or len(depths) != 1 or call.config["axis"] not in {-1, 1}:
            raise call.refusal("does not put poolings of one layer side by side")
        return [Units(depths.pop(), tuple(column for value in units for column in value.reads))]

    def _dense(self, call: Call) -> Sequence[Value]:
        (value,) = call.inputs
        if self.head is not None or not isinstance(value, Units) or value.depth != len(self.layers):
            raise call.refusal(
                "is no head over what is pooled of the top layer, and an artifact has no other"
            )
        size = len(value.reads), call.size("units")
        self.head = self.weights.read(call, ("vars/0", 0), size, "head.weight").T
        self.bias = np.zeros(size[1], self.head.dtype)
        if call.config.get("use_bias", True):
            self.bias = self.weights.read(call, ("vars/1", 1), size[1:], "head.bias")
        self.reads = value.reads
        return self._scores(call, call.config.get("activation"))

    def _activation(self, call: Call) -> Sequence[Value]:
        if list(call.inputs) != [Scores("logits")]:
            raise call.refusal("does not make probabilities of the head's logits")
        return self._scores(call, call.config.get("activation", "softmax"))

    def _scores(self, call: Call, activation: Any) -> Sequence[Value]:  # noqa: ANN401 - JSON
        match plain(activation) or "linear", len(self.bias):
            case "linear", _:
                return [Scores("logits")]
            case ("sigmoid", 1):
                return [Scores("probabilities")]
            case "softmax", labels if labels > 1:
                return [Scores("probabilities")]
            case name, labels:
                raise call.refusal(
                    f"has the activation {name} over {labels} units: an artifact's labels exclude "
                    "each other, by a softmax over two or more, or the sigmoid of one"
                )

    def _mask(self, call: Call) -> Sequence[Value]:
        if list(call.inputs) != [Ids()] or list(call.constants) != [0]:
            raise call.refusal("masks others than the token id 0")
        return [Ids(mask=True)]


def _outputs(layer: Layer, depth: int, config: Mapping[str, Any]) -> Sequence[Value]:
    """Return the outputs of a recurrent layer at a depth, as its options have them."""
    width, units = layer.width, layer.units
    last = Units(depth, tuple(range(width)))
    output = Steps(depth, width) if config.get("return_sequences") else last
    if not config.get("return_state"):
        return [output]
    cell: list[Value] = [CellState()] if layer.cell == "lstm" else []
    ends = [Units(depth, tuple(range(start, start + units))) for start in range(0, width, units)]
    return [output, *chain.from_iterable((end, *cell) for end in ends)]


def _both_directions(call: Call) -> tuple[Call, Call]:
    """Return the two layers inside a Bidirectional one: that reads forward, that reads backward."""
    ahead = call.config["layer"]
    back = call.config.get("backward_layer") or {
        **ahead,
        "config": {**ahead["config"], "go_backwards": True},
    }
    if not back["config"].get("go_backwards"):
        raise call.refusal("has a backward layer that reads forward")
    back = {**back, "config": {**back["config"], "go_backwards": False}}
    calls = [
        Call(layer["class_name"], f"{call.name}/{layer['config']['name']}", layer["config"], [])
        for layer in (ahead, back)
    ]
    for inner in calls:
        if inner.kind not in CELLS:
            raise call.refusal(f"holds a {inner.kind}, which an artifact has no place for")
        check_options(inner)
    one, other = calls
    alike = ("use_bias", "return_sequences", "return_state")
    if one.kind != other.kind or any(one.config.get(o) != other.config.get(o) for o in alike):
        raise call.refusal("has two layers of different kinds")
    return one, other


def _is_last(constants: Sequence[Any]) -> bool:
    """Return whether constants select the last step of all texts: ``[:, -1]`` or ``[:, -1, :]``."""
    whole = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    return list(constants) in ([whole, -1], [whole, -1, whole])
