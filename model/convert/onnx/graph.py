"""An ONNX file as a graph of nodes in order, and as a program that can be run.

Nothing in a file is code. Tensors may lie in files beside it; where these are, and how much of them
is read, is checked before. Only nodes that the output needs are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, helper, numpy_helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from conveyor.model.convert.onnx.nodes import Values, first_line
from conveyor.model.errors import ConversionError
from conveyor.model.files import check_regular

DOMAINS = frozenset({"", "ai.onnx"})  # two names of one

TEXTS_AND_STEPS = 2  # dimensions


@dataclass(frozen=True)
class Graph:
    """The nodes that a graph's output needs, in order, and its inputs; ``size`` is in bytes.

    ``shape`` is that of the ids, with None where the number or the length of texts is open.
    """

    nodes: Sequence[NodeProto]
    constants: dict[str, Values]
    ids: str
    shape: Sequence[int | None]
    ids_type: np.dtype[Any]
    output: str
    opset: int
    size: int
    program: ModelProto
    lengths: str | None = None
    lengths_type: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.int64))

    def feed(self, ids: Values) -> dict[str, Values]:
        """Return the graph's inputs for the ids of texts: their lengths too, if it takes them."""
        fed = {self.ids: ids.astype(self.ids_type)}
        if self.lengths is not None:
            fed[self.lengths] = np.full(len(ids), ids.shape[-1], self.lengths_type)
        return fed


def load(path: Path) -> Graph:
    """Load the graph of a file. Raises ConversionError."""
    try:
        size = path.stat().st_size
        model = onnx.load_model(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise ConversionError(f"it cannot be read: {error.strerror}") from None
    except (DecodeError, ValueError):
        raise ConversionError("it is no ONNX file, or not all of one") from None
    try:
        size += _external_size(model, path.parent)
        onnx.load_external_data_for_model(model, str(path.parent))
        onnx.checker.check_model(model)
    except OSError as error:
        raise ConversionError(
            f"it keeps tensors in a file beside it, which cannot be read: {error.strerror}"
        ) from None
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ConversionError(f"it is not a valid ONNX model: {first_line(error)}") from None
    return _graph(model, size)


def _external_size(model: ModelProto, directory: Path) -> int:
    """Return the bytes of files with tensors; ValueError if tensors take more than these hold.

    ONNX itself refuses places outside of the directory, and links.
    """
    tensors = [tensor for tensor in model.graph.initializer if uses_external_data(tensor)]
    infos = [ExternalDataInfo(tensor) for tensor in tensors]
    sizes = {info.location: check_regular(directory / info.location) for info in infos}
    taken = sum(int(info.length or sizes[info.location]) for info in infos)
    if taken > sum(sizes.values()):
        raise ValueError("its tensors take more of the files beside it than these hold")
    return sum(sizes.values())


def _graph(model: ModelProto, size: int) -> Graph:
    graph = model.graph
    if model.functions or graph.sparse_initializer:
        raise ConversionError("it has functions of its own, or sparse tensors: export it without")
    if len(graph.output) != 1:
        names = ", ".join(output.name for output in graph.output)
        raise ConversionError(
            f"it has the outputs {names}, where one belongs: the labels' logits or probabilities"
        )
    nodes = _needed(graph, graph.output[0].name)
    used = {name for node in nodes for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}
    inputs = [value for value in graph.input if value.name in used - constants.keys()]
    ids, lengths = _roles(inputs)
    return Graph(
        nodes=nodes,
        constants=constants,
        ids=ids.name,
        shape=_shape(ids),
        ids_type=_dtype(ids),
        output=graph.output[0].name,
        opset=max(entry.version for entry in model.opset_import if entry.domain in DOMAINS),
        size=size,
        program=helper.make_model(
            helper.make_graph(nodes, "classifier", inputs, list(graph.output), tensors),
            opset_imports=model.opset_import,
            ir_version=model.ir_version,
        ),
        lengths=lengths.name if lengths else None,
        lengths_type=_dtype(lengths or ids),
    )


def _needed(graph: GraphProto, output: str) -> list[NodeProto]:
    """Return the nodes that an output needs, in the order of the graph."""
    needed, nodes = {output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    return nodes[::-1]


def _roles(inputs: Sequence[ValueInfoProto]) -> tuple[ValueInfoProto, ValueInfoProto | None]:
    """Return the input of the token ids, and that of the lengths of the texts, if there is one."""
    ordered = sorted(inputs, key=lambda value: -len(_shape(value)))
    match [len(_shape(value)) for value in ordered]:
        case [1] | [2]:
            return ordered[0], None
        case [2, 1]:
            return ordered[0], ordered[1]
    names = ", ".join(value.name for value in inputs) or "none"
    raise ConversionError(
        f"its inputs are {names}, where token ids (texts, steps) belong, and at most their lengths"
    )


def _shape(value: ValueInfoProto) -> tuple[int | None, ...]:
    sizes = value.type.tensor_type.shape.dim
    return tuple(size.dim_value if size.dim_value > 0 else None for size in sizes)


def _dtype(value: ValueInfoProto) -> np.dtype[Any]:
    return np.dtype(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
