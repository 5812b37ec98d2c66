"""From an ONNX graph: `trace` finds what it computes, and ONNX Runtime runs it for the proof."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from conveyor.model.arrays import Floats
from conveyor.model.convert.network import Layer, Network, columns, spread
from conveyor.model.convert.onnx.runner import runner
from conveyor.model.convert.source import Hints, Source
from conveyor.model.errors import ConversionError
from conveyor.model.extras import install_command

if TYPE_CHECKING:  # they need the onnx library, an optional extra
    from conveyor.model.convert.onnx.graph import Graph
    from conveyor.model.convert.onnx.graph_trace import GraphTrace


def read_onnx(path: Path, hints: Hints) -> Source:
    """Read the network of an ONNX file. Raises ConversionError with one sentence."""
    hints.refuse(path)
    try:
        from conveyor.model.convert.onnx.graph import load  # noqa: PLC0415 - an optional extra
        from conveyor.model.convert.onnx.tracer import trace  # noqa: PLC0415
    except ImportError:
        raise ConversionError(
            f"{path} needs the onnx library: {install_command('convert')}."
        ) from None
    try:
        graph = load(path)
        traces = trace(graph)
        return _source(graph, traces, runner(graph, traces[-1]))
    except ConversionError as error:
        raise ConversionError(f"{path} cannot be converted: {error}.") from None


def _source(
    graph: "Graph", traces: "Sequence[GraphTrace]", run: Callable[[list[list[int]]], Floats] | None
) -> Source:
    """Return the traced network in the artifact's terms."""
    trace = traces[-1]
    layers = [_ordered(traces, depth) for depth in range(len(trace.layers))]
    head = trace.head[1].T
    bias = trace.bias[1] if trace.bias else np.zeros(len(head), head.dtype)
    weights, shape = Network(trace.embedding[1], layers, head, bias, _reads(traces)).to_state_dict()
    return Source(
        framework="ONNX",
        weights=weights,
        shape=shape,
        mapping=[
            (trace.embedding[0], "embedding.weight"),
            *_mapping(layers),
            (trace.head[0], "head.weight"),
            (trace.bias[0] if trace.bias else "(no bias: zeros)", "head.bias"),
        ],
        run=run,
        output_kind="logits" if trace.output == "logits" else "probabilities",
        notes=[] if trace.skips is None else [f"The graph masks the token id {trace.skips}."],
        steps=graph.shape[0 if trace.steps_first else -1],
        skips=trace.skips,
    )


def _mapping(layers: Sequence[Layer]) -> list[tuple[str, str]]:
    """Map W, R and B of each node, by directions, to the tensors of the layers."""
    return [
        (f"{layer.name}: {theirs}[{direction}]", f"{layer.cell}.{ours}_l{depth}{suffix}")
        for depth, layer in enumerate(layers)
        for direction, suffix in enumerate(["", "_reverse"][: len(layer.directions)])
        for theirs, ours in (
            ("W", "weight_ih"),
            ("R", "weight_hh"),
            ("B", "bias_ih"),
            ("B", "bias_hh"),
        )
    ]


def _ordered(traces: "Sequence[GraphTrace]", depth: int) -> Layer:
    """Return a layer whose matrices read the units of the layer below in their own order."""
    layer = traces[-1].layers[depth]
    if depth == 0:
        return layer
    below = traces[-1].layers[depth - 1]
    reads = columns([(trace.read[depth], trace.side_by_side(depth - 1)) for trace in traces])
    if reads is None:
        raise ConversionError(
            f"its layer {layer.name} does not read the states of {below.name} as they are"
        )
    directions = [
        dataclasses.replace(each, weight_ih=spread(each.weight_ih, reads, below.width))
        for each in layer.directions
    ]
    return dataclasses.replace(layer, directions=directions)


def _reads(traces: "Sequence[GraphTrace]") -> list[int]:
    """Return the columns of last, max and mean that the head reads."""
    reads = columns([(trace.pooled, trace.poolings) for trace in traces])
    if reads is not None:
        return reads
    for name in traces[-1].mistakable:
        if columns([(trace.pooled, trace.mistakable[name]) for trace in traces]):
            raise ConversionError(f"its head reads {name}, which no pooling gives")
    raise ConversionError(
        "what its head reads is not the last state, the largest or the mean over the steps, or "
        "several of these side by side"
    )
