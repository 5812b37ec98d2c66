"""From an ONNX graph: `walk` learns what it computes, and ONNX Runtime runs it for the proof."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.convert.network import Array, Layer, Network, columns, spread
from model.convert.source import Source
from model.errors import ConversionError
from model.types import Floats

if TYPE_CHECKING:  # they need the onnx library, an optional extra
    from model.convert.onnx.graph import Graph
    from model.convert.onnx.walk import GraphTrace


def read(path: Path) -> Source:
    """The network of an ONNX file. Raises ConversionError with one sentence."""
    try:
        from model.convert.onnx.graph import load  # noqa: PLC0415 - an optional extra
        from model.convert.onnx.walk import walk  # noqa: PLC0415
    except ImportError:
        raise ConversionError(
            f"{path} needs the onnx library: pip install 'conveyor[convert]'."
        ) from None
    try:
        graph = load(path)
        walks = walk(graph)
        return _source(graph, walks, _runner(graph, walks[-1]))
    except ConversionError as error:
        raise ConversionError(f"{path} cannot be converted: {error}.") from None


def _source(
    graph: "Graph", walks: "Sequence[GraphTrace]", run: Callable[[list[list[int]]], Floats] | None
) -> Source:
    """What was seen, in the artifact's terms."""
    seen = walks[-1]
    layers = [_wired(walks, depth) for depth in range(len(seen.layers))]
    head = seen.head[1].T
    bias = seen.bias[1] if seen.bias else np.zeros(len(head), head.dtype)
    weights, shape = Network(seen.embedding[1], layers, head, bias, _reads(walks)).laid()
    return Source(
        framework="ONNX",
        weights=weights,
        shape=shape,
        mapping=[
            (seen.embedding[0], "embedding.weight"),
            *_mapping(layers),
            (seen.head[0], "head.weight"),
            (seen.bias[0] if seen.bias else "(no bias: zeros)", "head.bias"),
        ],
        run=run,
        run_gives="logits" if seen.output == "logits" else "probabilities",
        notes=[] if seen.skips is None else [f"The graph masks the token id {seen.skips}."],
        steps=graph.shape[0 if seen.steps_first else -1],
        skips=seen.skips,
    )


def _mapping(layers: Sequence[Layer]) -> list[tuple[str, str]]:
    """Where each tensor of the layers comes from: W, R and B of a node, by directions."""
    return [
        (f"{layer.name}: {there}[{direction}]", f"{layer.cell}.{here}_l{depth}{suffix}")
        for depth, layer in enumerate(layers)
        for direction, suffix in enumerate(["", "_reverse"][: len(layer.directions)])
        for there, here in (
            ("W", "weight_ih"),
            ("R", "weight_hh"),
            ("B", "bias_ih"),
            ("B", "bias_hh"),
        )
    ]


def _wired(walks: "Sequence[GraphTrace]", depth: int) -> Layer:
    """A layer whose matrices read the units of the layer below in their own order."""
    layer = walks[-1].layers[depth]
    if depth == 0:
        return layer
    below = walks[-1].layers[depth - 1]
    reads = columns([(seen.read[depth], seen.side_by_side(depth - 1)) for seen in walks])
    if reads is None:
        raise ConversionError(
            f"its layer {layer.name} does not read the states of {below.name} as they are"
        )
    directions = [
        dataclasses.replace(way, weight_ih=spread(way.weight_ih, reads, below.width))
        for way in layer.directions
    ]
    return dataclasses.replace(layer, directions=directions)


def _reads(walks: "Sequence[GraphTrace]") -> list[int]:
    """The columns of last, max and mean that the head reads."""
    reads = columns([(seen.pooled, seen.poolings) for seen in walks])
    if reads is not None:
        return reads
    for what in walks[-1].mistakable:
        if columns([(seen.pooled, seen.mistakable[what]) for seen in walks]):
            raise ConversionError(f"its head reads {what}, which no pooling gives")
    raise ConversionError(
        "what its head reads is not the last state, the largest or the mean over the steps, or "
        "several of these side by side"
    )


def _runner(graph: "Graph", seen: "GraphTrace") -> Callable[[list[list[int]]], Floats] | None:
    """The graph itself, run by ONNX Runtime; None where that is not installed."""
    try:
        import onnxruntime  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    from model.convert.onnx.nodes import first_line  # noqa: PLC0415 - needs the onnx library

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
                (given,) = session.run(None, graph.feed(_arranged(ids, graph, seen)))
            except Exception as error:  # noqa: BLE001 - see above
                raise ConversionError(
                    f"ONNX Runtime cannot run a text of {len(ids)} tokens: {first_line(error)}."
                ) from None
            row = np.asarray(given, np.float32).reshape(-1, seen.logits.shape[1])[0]
            rows.append(np.exp(row) if seen.output == "log-probabilities" else row)
        return np.stack(rows)

    return run


def _arranged(ids: list[int], graph: "Graph", seen: "GraphTrace") -> Array:
    """The ids of one text as the graph takes them, repeated where it takes several texts."""
    one = np.array(ids)
    if len(graph.shape) == 1:
        return one
    axis = 1 if seen.steps_first else 0
    texts = graph.shape[axis] or 1
    return np.repeat(np.expand_dims(one, axis), texts, axis)
