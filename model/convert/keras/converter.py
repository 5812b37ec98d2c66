"""From a Keras model: its configuration says what it computes, and Keras runs it for the proof.

The configuration is followed from the token ids to the scores. A layer that an artifact cannot do
is refused by its name and class, and so is an option of one. Keras itself is only asked to make
the model once every class that the file names is known to be one of those.

G is the number of gates of the cell, H the units of one direction, X the inputs of a layer, W the
units of all directions of the top layer, K the columns that the head reads, L its outputs.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.convert.head import PARTS
from model.convert.network import Array, Direction, Layer, Network
from model.convert.source import Gives, Source
from model.errors import ConversionError
from model.network.config import CellName
from model.types import Floats

if TYPE_CHECKING:  # it needs h5py, an optional extra
    from model.convert.keras.file import KerasFile

INSTALL = "pip install 'conveyor[convert]'"

CELLS: Mapping[str, CellName] = {"LSTM": "lstm", "SimpleRNN": "rnn"}

# Keras's gates i, f, c, o (keras.layers.LSTM, 3.15) are in PyTorch's order.
GATES: Mapping[CellName, int] = {"lstm": 4, "rnn": 1}

# What each layer may be asked for: the only value that an artifact has a place for, or ANY.
ANY: Any = object()
RECURRENT = {
    "units": ANY, "use_bias": ANY, "return_sequences": ANY, "return_state": ANY,
    "activation": "tanh", "go_backwards": False, "stateful": False, "time_major": False,
    "dropout": ANY, "recurrent_dropout": ANY, "unroll": ANY, "implementation": ANY,
    "zero_output_for_mask": ANY,
}  # fmt: skip
POOLING = {"data_format": "channels_last", "keepdims": False}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "InputLayer": {"batch_shape": ANY, "batch_input_shape": ANY, "optional": ANY},
    "Embedding": {"input_dim": ANY, "output_dim": ANY, "mask_zero": ANY, "input_length": ANY},
    "LSTM": {**RECURRENT, "recurrent_activation": "sigmoid", "unit_forget_bias": ANY},
    "SimpleRNN": RECURRENT,
    "Bidirectional": {"layer": ANY, "backward_layer": ANY, "merge_mode": "concat"},
    "GlobalMaxPooling1D": POOLING,
    "GlobalAveragePooling1D": POOLING,
    "Concatenate": {"axis": ANY},
    "Dropout": {"rate": ANY, "noise_shape": ANY},
    "SpatialDropout1D": {"rate": ANY, "noise_shape": ANY},
    "Dense": {"units": ANY, "use_bias": ANY, "activation": ANY},
    "Activation": {"activation": ANY},
    "Softmax": {"axis": -1},
    "NotEqual": {},
    "GetItem": {},
}
OPERATIONS = frozenset({"NotEqual", "GetItem"})  # which have no weights, and are not counted

# By what name the weights of a class are in an archive; the second of a class has _1 at the end.
GROUPS: Mapping[str, str] = {
    "Embedding": "embedding",
    "LSTM": "lstm",
    "SimpleRNN": "simple_rnn",
    "Bidirectional": "bidirectional",
    "Dense": "dense",
}

# What any layer may have, as it matters to training only.
TRAINING = ("_initializer", "_regularizer", "_constraint")
COMMON = frozenset({"name", "trainable", "dtype", "seed", "batch_input_shape"})
PRECISIONS = frozenset({"float32", "float64"})

# Where the classes live that a configuration may name beside its layers.
HARMLESS = frozenset({"keras.initializers", "keras.regularizers", "keras.constraints"})
MARKS = frozenset({"__keras_tensor__", "__slice__", "DTypePolicy", "Policy"})


@dataclass(frozen=True)
class Ids:
    """The token ids, or which of them count."""

    mask: bool = False


@dataclass(frozen=True)
class Steps:
    """What there is of each step: the embedding's vectors at depth 0, else that layer's states."""

    depth: int
    width: int


@dataclass(frozen=True)
class Units:
    """One row for each text: these columns of the poolings of the layer at a depth (3W)."""

    depth: int
    reads: tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """The cell state c, which no head of an artifact reads."""


@dataclass(frozen=True)
class Scores:
    """What the head gives."""

    gives: Gives


Value = Ids | Steps | Units | Cell | Scores


@dataclass(frozen=True)
class Call:
    """A layer as it is used: on which values, and which other arguments."""

    kind: str
    name: str
    config: Mapping[str, Any]
    inputs: Sequence[Value]
    constants: Sequence[Any] = ()

    def refusal(self, why: str) -> ConversionError:
        """The error that says why it cannot be converted, in a clause."""
        return ConversionError(f"its layer {self.name} ({self.kind}) {why}")

    def size(self, option: str) -> int:
        """A number of units, or the like."""
        size = self.config[option]
        if type(size) is not int or size < 1:
            raise self.refusal(f"has {option}={size!r}, which is no size")
        return size


def read(path: Path) -> Source:
    """The network of a .keras file, or of a whole-model .h5.

    Raises ConversionError with one sentence.
    """
    try:
        from model.convert.keras.file import opened  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConversionError(f"{path} needs the h5py library: {INSTALL}.") from None
    try:
        with opened(path) as file:
            model = _Model(file)
            gives = model.follow()
            _check_classes(file.config["config"])
        return model.source(gives, _runner(path, model.shape[0] or 1, model.notes))
    except ConversionError as error:
        raise ConversionError(f"{path} cannot be converted: {error}.") from None


class _Model:
    """What has been read of a model so far."""

    def __init__(self, file: "KerasFile") -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self.shape: Sequence[int | None] = (None, None)  # of the ids
        self.embedding: Array | None = None  # (V, X)
        self.layers: list[Layer] = []
        self.head: Array | None = None  # (L, K)
        self.bias: Array = np.empty(0, np.float32)
        self.reads: tuple[int, ...] = ()
        self.mapping: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.skips: int | None = None
        self.work: Mapping[str, Callable[[Call], Sequence[Value]]] = {
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

    def follow(self) -> Gives:
        """Go from the ids to the scores."""
        try:
            match self.file.config["class_name"]:
                case "Sequential":
                    value = self._follow_sequence(self.file.config["config"])
                case "Functional" | "Model":
                    value = self._follow_graph(self.file.config["config"])
                case other:
                    raise ConversionError(
                        f"its model is of the class {other}, not Sequential or Functional"
                    )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ConversionError(
                f"its configuration is none of a Keras model ({type(error).__name__}: {error})"
            ) from None
        if not self.layers:
            raise ConversionError("it has no LSTM layer, and there is nothing else to convert")
        if not isinstance(value, Scores):
            raise ConversionError("it does not end in a Dense layer that gives the labels' scores")
        return value.gives

    def _follow_sequence(self, config: Any) -> Value:  # noqa: ANN401 - JSON
        layers = config["layers"] if isinstance(config, dict) else config
        value: Value = Ids()
        for layer in layers:
            (value,) = self._use(layer, [value])
        return value

    def _follow_graph(self, config: Mapping[str, Any]) -> Value:
        values: dict[tuple[str, int], Value] = {}
        for layer in config["layers"]:
            name, nodes = layer["config"]["name"], layer["inbound_nodes"]
            if len(nodes) > 1:
                raise ConversionError(
                    f"its layer {name} ({layer['class_name']}) is used {len(nodes)} times"
                )
            inputs, constants = _arguments(nodes[0], values) if nodes else ([Ids()], [])
            for index, output in enumerate(self._use(layer, inputs, constants)):
                values[name, index] = output
        if sum(layer["class_name"] == "InputLayer" for layer in config["layers"]) != 1:
            raise ConversionError("it has several inputs, where the token ids belong")
        outputs = config["output_layers"]
        outputs = [outputs] if isinstance(outputs[0], str) else outputs
        if len(outputs) != 1:
            raise ConversionError("it has several outputs, where the labels' scores belong")
        return values[outputs[0][0], outputs[0][2]]

    def _use(
        self, layer: Mapping[str, Any], inputs: Sequence[Value], constants: Sequence[Any] = ()
    ) -> Sequence[Value]:
        kind, config = layer["class_name"], layer["config"]
        call = Call(kind, config["name"], config, inputs, constants)
        _check_options(call)
        if kind not in OPERATIONS:
            self.counts[kind] += 1
        if kind != "Concatenate" and len(inputs) != 1:
            raise call.refusal("reads several values: an artifact has no such layer")
        if any(isinstance(value, Cell) for value in inputs):
            raise call.refusal("reads the cell state c, which no pooling gives")
        return self.work[kind](call)

    # The layers.

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
        self.embedding = self._weight(call, ("vars/0", 0), size, "embedding.weight")
        if call.config.get("mask_zero"):
            self.skips = 0
            self.notes.append("Keras skips the token id 0 wherever it stands (mask_zero).")
        return [Steps(0, size[1])]

    def _recurrent(self, call: Call) -> Sequence[Value]:
        (value,) = call.inputs
        if not isinstance(value, Steps) or value.depth != len(self.layers):
            raise call.refusal("does not read the embedding, or all states of the layer below")
        if call.kind == "Bidirectional":
            one, other = _both_ways(call)
            places = [(one, "forward_layer/cell"), (other, "backward_layer/cell")]
        else:
            one, places = call, [(call, "cell")]
        cell = CELLS[one.kind]
        directions = [
            self._direction(call, inner, place, number, value.width)
            for number, (inner, place) in enumerate(places)
        ]
        layer = Layer(call.name, cell, directions)
        self.layers.append(layer)
        depth, width, units = len(self.layers), layer.width, layer.units
        last = Units(depth, tuple(range(width)))
        whole = Steps(depth, width) if one.config.get("return_sequences") else last
        if not one.config.get("return_state"):
            return [whole]
        carried: list[Value] = [Cell()] if cell == "lstm" else []
        ends = [
            Units(depth, tuple(range(start, start + units))) for start in range(0, width, units)
        ]
        return [whole, *chain.from_iterable((end, *carried) for end in ends)]

    def _direction(self, call: Call, inner: Call, place: str, number: int, x: int) -> Direction:
        cell, units = CELLS[inner.kind], inner.size("units")
        rows, biased = GATES[cell] * units, inner.config.get("use_bias", True)
        end = f"l{len(self.layers)}{'_reverse' if number else ''}"
        first = number * (3 if biased else 2)

        def weight(index: int, shape: tuple[int, ...], name: str) -> Array:
            there = f"{place}/vars/{index}", first + index
            return self._weight(call, there, shape, f"{cell}.{name}_{end}")

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
        """``states[:, -1]``, which is what the pooling "last" is of a layer that reads forward."""
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
        self.head = self._weight(call, ("vars/0", 0), size, "head.weight").T
        self.bias = np.zeros(size[1], self.head.dtype)
        if call.config.get("use_bias", True):
            self.bias = self._weight(call, ("vars/1", 1), size[1:], "head.bias")
        self.reads = value.reads
        return self._squashed(call, call.config.get("activation"))

    def _activation(self, call: Call) -> Sequence[Value]:
        if list(call.inputs) != [Scores("logits")]:
            raise call.refusal("does not make probabilities of the head's logits")
        return self._squashed(call, call.config.get("activation", "softmax"))

    def _squashed(self, call: Call, activation: Any) -> Sequence[Value]:  # noqa: ANN401 - JSON
        match _plain(activation) or "linear", len(self.bias):
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

    def _weight(
        self, call: Call, place: tuple[str, int], shape: tuple[int, ...], here: str
    ) -> Array:
        """The weight at a place within a layer, of the shape that its options ask for."""
        number = self.counts[call.kind] - 1
        group = GROUPS[call.kind] + (f"_{number}" if number else "")
        there, array = self.file.weight(call.name, group, place)
        if array.shape != shape:
            raise call.refusal(f"has weights {there} of the shape {array.shape}, not {shape}")
        self.mapping.append((there, here))
        return array

    # The result.

    def source(self, gives: Gives, run: Callable[[list[list[int]]], Floats] | None) -> Source:
        """What has been read, in the artifact's terms."""
        if self.embedding is None or self.head is None:
            raise ConversionError("it has no embedding and no head")
        network = Network(self.embedding, self.layers, self.head, self.bias, self.reads)
        weights, shape = network.laid()
        return Source(
            framework="Keras",
            weights=weights,
            shape=shape,
            mapping=self.mapping,
            run=run,
            run_gives=gives,
            notes=self.notes,
            steps=self.shape[1],
            skips=self.skips,
        )


def _runner(path: Path, batch: int, notes: list[str]) -> Callable[[list[list[int]]], Floats] | None:
    """The model itself, run by Keras over PyTorch; None where it cannot be, and a note on why.

    To be called only with a file that has been read: it names no class that is not Keras's own.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")  # it is read when Keras is imported
    try:
        import keras  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # on masks, which change nothing here
            model = keras.saving.load_model(path.resolve(), compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 - it has no base error of its own
        notes.append(f"Keras itself cannot load the file: {_first_line(error)}.")
        return None

    def run(texts: list[list[int]]) -> Floats:
        rows = []
        for ids in texts:
            try:
                given = model(np.repeat([ids], batch, axis=0), training=False)
            except Exception as error:  # noqa: BLE001 - see above
                raise ConversionError(
                    f"Keras cannot run a text of {len(ids)} tokens: {_first_line(error)}."
                ) from None
            rows.append(keras.ops.convert_to_numpy(given)[0])
        return np.stack(rows).astype(np.float32)

    return run


def _both_ways(call: Call) -> tuple[Call, Call]:
    """The two recurrent layers inside a Bidirectional one, of which the second reads backward."""
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
        _check_options(inner)
    one, other = calls
    alike = ("use_bias", "return_sequences", "return_state")
    if one.kind != other.kind or any(one.config.get(o) != other.config.get(o) for o in alike):
        raise call.refusal("has two layers of different kinds")
    return one, other


def _check_options(call: Call) -> None:
    """Raises ConversionError where a layer is asked for what an artifact has no place for."""
    if call.kind not in OPTIONS:
        raise call.refusal("is of a class that an artifact has no place for")
    known = OPTIONS[call.kind]
    for option, value in call.config.items():
        only = known.get(option, ANY)
        if only is not ANY and _plain(value) != only:
            raise call.refusal(f"has {option}={_plain(value)!r}, and an artifact only {only!r}")
        free = option in known or option in COMMON or option.endswith(TRAINING)
        if not free and value:
            raise call.refusal(f"has {option}={value!r}, which an artifact has no place for")
    precision = _plain(call.config.get("dtype") or "float32")
    if call.kind != "InputLayer" and precision not in PRECISIONS:
        raise call.refusal(f"computes in {precision}, not float32")


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """What stands for a function or a type of numbers: its name."""
    if isinstance(value, dict) and "config" in value:
        config = value["config"]
        return config.get("name", value.get("class_name")) if isinstance(config, dict) else config
    return value


def _check_classes(configuration: Any) -> None:  # noqa: ANN401 - JSON
    """Raises ConversionError if Keras would look for a class that is not one of its harmless ones.

    Files of Keras 2 name no modules; there, Keras looks in its own tables.
    """
    left = [configuration]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left.extend(value)
        if not isinstance(value, dict):
            continue
        left.extend(value.values())
        if "class_name" not in value:
            continue
        kind, module = value["class_name"], value.get("module")
        own = kind in OPTIONS or kind in MARKS
        known = own and (module is None or module.split(".")[0] == "keras")
        if not (known or module is None or module in HARMLESS) or value.get(
            "registered_name"
        ) not in {None, kind}:
            raise ConversionError(
                f"it names {module}.{kind}, which is no class that an LSTM classifier needs"
            )


def _arguments(
    node: Any,  # noqa: ANN401 - JSON
    values: Mapping[tuple[str, int], Value],
) -> tuple[list[Value], list[Any]]:
    """The values and the constants that a layer is called with."""
    if isinstance(node, list):  # Keras 2: [name, number of the call, number of the output, options]
        arguments = [_tensor(*entry[:3]) for entry in node]
        options = {name: value for entry in node for name, value in (*entry[3:], {})[0].items()}
    else:
        arguments, options = node["args"], node["kwargs"]
    inputs: list[Value] = []
    constants: list[Any] = []
    for argument in _flat(arguments):
        value = _value(argument, values)
        if value is None:
            constants.append(argument)
        else:
            inputs.append(value)
    for option, argument in options.items():
        if isinstance(argument, bool | None) or _value(argument, values) == Ids(mask=True):
            continue
        raise ConversionError(
            f"one of its layers is called with {option}, which an artifact has no place for"
        )
    return inputs, constants


def _tensor(name: str, call: int, output: int) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, output]}}


def _value(argument: Any, values: Mapping[tuple[str, int], Value]) -> Value | None:  # noqa: ANN401
    """The value that an argument stands for, or None for a constant."""
    if not isinstance(argument, dict) or argument.get("class_name") != "__keras_tensor__":
        return None
    name, _, output = argument["config"]["keras_history"]
    return values[name, output]


def _flat(arguments: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _flat(argument)
    else:
        yield arguments


def _is_last(constants: Sequence[Any]) -> bool:
    """Whether these constants take the last step of all texts: ``[:, -1]`` or ``[:, -1, :]``."""
    whole = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    return list(constants) in ([whole, -1], [whole, -1, whole])


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
