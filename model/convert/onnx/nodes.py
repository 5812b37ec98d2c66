"""One node of an ONNX graph: computing it within bounds, and reading a recurrent one's weights.

Shapes in comments: D directions, G gates of the cell, H units of one direction, X inputs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, ValueInfoProto, helper
from onnx.reference import ReferenceEvaluator

from conveyor.model.convert.network import Array, Direction, Layer
from conveyor.model.errors import ConversionError
from conveyor.model.network.config import CellName

Values = NDArray[Any]

CELLS: Mapping[str, CellName] = {"LSTM": "lstm", "RNN": "rnn"}
INPUTS: Mapping[CellName, Sequence[str]] = {
    "lstm": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
    "rnn": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
}

# Where PyTorch's gates i, f, g, o are among those of ONNX, i, o, f, c (ONNX operators, "LSTM").
GATES: Mapping[CellName, Sequence[int]] = {"lstm": (0, 2, 3, 1), "rnn": (0,)}

SQUASHED_BY: Mapping[CellName, Sequence[str]] = {
    "lstm": ("sigmoid", "tanh", "tanh"),
    "rnn": ("tanh",),
}

# Other attributes of a recurrent node, and the only value that an artifact has a place for.
ONLY = {"clip": None, "input_forget": 0, "layout": 0}
DIRECTIONS = {"forward": 1, "bidirectional": 2}


def name_of(node: NodeProto) -> str:
    """Return a node's name for people: its own, or that of its output."""
    return str(node.name or next(iter(node.output), "without a name"))


def refusal(node: NodeProto, why: str) -> ConversionError:
    """Return the error that says, in a clause, why a node cannot be converted."""
    return ConversionError(f"its node {name_of(node)} ({node.op_type}) {why}")


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return a node's attributes, texts decoded."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {
        name: value.decode(errors="replace") if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def compute(node: NodeProto, inputs: Mapping[str, Values], opset: int) -> list[Values]:
    """Compute a node's outputs by ONNX's own reference implementation.

    Raises ConversionError if that fails.
    """
    if node.op_type == "GlobalMaxPool":  # of which the reference (1.23) takes the wrong dimensions
        (x,) = inputs.values()
        return [x.max(axis=tuple(range(2, x.ndim)), keepdims=True)]
    graph = helper.make_graph(
        [node], "node", [_any(name) for name in inputs], [_any(name) for name in node.output]
    )
    try:
        with np.errstate(all="ignore"):
            outputs = ReferenceEvaluator(graph, opsets={"": opset}).run(None, dict(inputs))
    except Exception as error:  # noqa: BLE001 - it has no base error of its own
        raise refusal(node, f"cannot be computed: {first_line(error)}") from None
    return [np.asarray(output) for output in outputs]


def most_bytes(node: NodeProto, inputs: Sequence[Values]) -> int:
    """Return an upper bound of the bytes of a node's outputs, known before they are computed.

    Raises ConversionError if they do not fit each other.
    """
    sizes = sum(value.nbytes for value in inputs)
    try:
        match node.op_type, inputs:
            case "ConstantOfShape", [shape]:
                return 8 * _product(shape)
            case "Expand", [value, shape]:
                target = tuple(int(size) for size in shape)
                return value.itemsize * _product(np.broadcast_shapes(value.shape, target))
            case "Range", [start, limit, delta]:
                return 8 * (1 + abs(int((limit - start) / delta)))
            case "Add" | "Sub" | "Mul" | "Div", [one, other]:
                both = np.broadcast_shapes(one.shape, other.shape)
                return max(one.itemsize, other.itemsize) * _product(both)
            case "Gather", [value, indices]:
                axis = attributes(node).get("axis", 0)
                return int(indices.size * (value.nbytes // max(1, value.shape[axis])))
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        raise refusal(node, f"cannot be computed: {first_line(error)}") from None
    return 8 * sizes  # a cast makes eight bytes of one; all others make no more than they are given


def first_line(error: Exception) -> str:
    """Return an error's message as a clause, or its type, as MemoryError and others have none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def layer_of(node: NodeProto, constants: Mapping[str, Values]) -> tuple[Layer, dict[str, str]]:
    """Read the layer that a recurrent node is, and the names of its inputs.

    ``constants`` are all values that depend on no input of the graph. Raises ConversionError where
    an artifact cannot do the same.
    """
    cell = CELLS[node.op_type]
    names = dict(zip(INPUTS[cell], node.input, strict=False))
    options = attributes(node)
    direction = options.get("direction", "forward")
    if direction not in DIRECTIONS:
        raise refusal(node, f"has the direction {direction}, not forward or bidirectional")
    number = DIRECTIONS[direction]
    usual = [*SQUASHED_BY[cell]] * number
    given = [bytes(name).decode().lower() for name in options.get("activations", [])] or usual
    if given != usual:
        raise refusal(node, f"has the activations {', '.join(given)}, not {', '.join(usual)}")
    for name, only in ONLY.items():
        if options.get(name, only) != only:
            raise refusal(node, f"has {name}={options[name]}, which an artifact has no place for")
    if names.get("P"):
        raise refusal(node, "has peepholes (the input P), which an artifact has no place for")
    units = options.get("hidden_size", 0)
    rows = units * len(GATES[cell])
    w = _weight(node, names.get("W", ""), (number, rows, None), constants)
    r = _weight(node, names.get("R", ""), (number, rows, units), constants)
    b = np.zeros((number, 2 * rows), w.dtype)
    if names.get("B"):
        b = _weight(node, names["B"], b.shape, constants)

    def ordered(array: Array) -> Array:  # (G*H, ...)
        gates = array.reshape(len(GATES[cell]), units, *array.shape[1:])
        return gates[[*GATES[cell]]].reshape(array.shape)

    directions = [
        Direction(ordered(w[d]), ordered(r[d]), ordered(b[d, :rows]), ordered(b[d, rows:]))
        for d in range(number)
    ]
    return Layer(name_of(node), cell, directions), names


def _weight(
    node: NodeProto, name: str, shape: tuple[int | None, ...], constants: Mapping[str, Values]
) -> Array:
    if name not in constants:
        raise refusal(node, f"has no constant for its weights {name}".rstrip())
    value = constants[name]
    given = [size if want is None else want for size, want in zip(value.shape, shape, strict=False)]
    if value.ndim != len(shape) or list(value.shape) != given:
        expected = ", ".join("X" if size is None else str(size) for size in shape)
        raise refusal(node, f"has weights {name} of the shape {value.shape}, not ({expected})")
    if value.dtype != np.float32:
        raise refusal(node, f"has weights {name} of {value.dtype}, not float32")
    return value


def _any(name: str) -> ValueInfoProto:
    """Make a value of which nothing is known but its name; its type is not used."""
    return helper.make_value_info(name, helper.make_tensor_type_proto(1, None))


def _product(sizes: Iterable[int]) -> int:
    return math.prod(int(size) for size in sizes)
