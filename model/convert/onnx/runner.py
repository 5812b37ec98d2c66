"""An ONNX graph run by ONNX Runtime, to compare the converted model with."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from conveyor.model.arrays import Floats
from conveyor.model.convert.network import Array
from conveyor.model.errors import ConversionError

if TYPE_CHECKING:  # they need the onnx library, an optional extra
    from conveyor.model.convert.onnx.graph import Graph
    from conveyor.model.convert.onnx.graph_trace import GraphTrace


def runner(graph: "Graph", trace: "GraphTrace") -> Callable[[list[list[int]]], Floats] | None:
    """Return a function that runs the graph by ONNX Runtime; None where that is not installed."""
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    from conveyor.model.convert.onnx.nodes import first_line  # noqa: PLC0415 - needs the onnx library

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised anyway
    try:
        session = onnxruntime.InferenceSession(
            graph.program.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 - it has no base error of its own
        raise ConversionError(f"ONNX Runtime cannot load it: {first_line(error)}") from None

    def run(texts: list[list[int]]) -> Floats:
        rows = []
        for ids in texts:
            try:
                (given,) = session.run(None, graph.feed(_arranged(ids, graph, trace)))
            except Exception as error:  # noqa: BLE001 - see above
                raise ConversionError(
                    f"ONNX Runtime cannot run a text of {len(ids)} tokens: {first_line(error)}."
                ) from None
            row = np.asarray(given, np.float32).reshape(-1, trace.logits.shape[1])[0]
            rows.append(np.exp(row) if trace.output == "log-probabilities" else row)
        return np.stack(rows)

    return run


def _arranged(ids: list[int], graph: "Graph", trace: "GraphTrace") -> Array:
    """Arrange the ids of one text as the graph takes them, repeated if it takes several texts."""
    one = np.array(ids)
    if len(graph.shape) == 1:
        return one
    axis = 1 if trace.steps_first else 0
    texts = graph.shape[axis] or 1
    return np.repeat(np.expand_dims(one, axis), texts, axis)
