"""Tracer: runs an ONNX graph on random numbers, to find out what it computes.

Exporters write the nodes between an embedding, its LSTM and its head in many ways. So they are not
compared with patterns but run, one after the other, on small texts of random ids; and the outputs
of the embedding, of each recurrent layer and of the head are replaced by random numbers. Then each
number that the next part reads tells where it comes from: which unit it is, at which step, or that
it is a unit's largest or its mean over the steps.

Only nodes of known kinds are run. Those of `OPERATIONS` move numbers, add and multiply them, or
take the largest, so that what holds for a few random numbers holds for all. Any other kind is
refused. The one comparison is that of the ids with one of them, a mask: no random id is that one.

Shapes in comments: T steps, B texts, X inputs, D directions, H units of one direction, W = D*H, K
columns that a part reads, L outputs of the head.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import NodeProto

from conveyor.model.convert.onnx.graph import DOMAINS, Graph
from conveyor.model.convert.onnx.graph_trace import GraphTrace, Output
from conveyor.model.convert.onnx.nodes import (
    Values,
    attributes,
    compute,
    layer_of,
    most_bytes,
    refusal,
)
from conveyor.model.errors import ConversionError

OPERATIONS = frozenset(
    {
        "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand",
        "Flatten", "Gather", "GatherElements", "GlobalAveragePool", "GlobalMaxPool", "Identity",
        "Mul", "Not", "Range", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape",
        "ScatterElements", "Shape", "Size", "Slice", "Split", "Squeeze", "Sub", "Transpose",
        "Unsqueeze", "Where",
    }
)  # fmt: skip
ACTIVATIONS = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})  # of the head

# Texts and steps of the runs, where the graph leaves them open: enough of both that no two columns
# agree by chance.
RUNS = ((3, 5), (2, 7), (1, 4), (3, 6))

# The bytes that a run may make, for each byte of the file and besides: exporters put the weights
# together anew, and the random texts are tiny.
BYTES_PER_BYTE, BYTES_BESIDES = 32, 2**28

# How far a mean in single precision may be off; random numbers lie between -1 and 1.
TOLERANCE = 1e-6

MATRIX = 2  # dimensions


def trace(graph: Graph) -> list[GraphTrace]:
    """Run a graph some times, on texts of several lengths. Raises ConversionError."""
    rng = np.random.default_rng(0)
    shapes = [_shape(graph.shape, texts, steps) for texts, steps in RUNS]
    return [_Tracer(graph, shape, rng).run() for shape in shapes]


def _shape(declared: Sequence[int | None], texts: int, steps: int) -> tuple[int, ...]:
    open_sizes = (texts, steps)[-len(declared) :]
    return tuple(size or free for size, free in zip(declared, open_sizes, strict=True))


class _Tracer:
    """One run of a graph, on random texts of a shape."""

    def __init__(self, graph: Graph, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self.graph = graph
        self.rng = rng
        self.bytes_left = graph.size * BYTES_PER_BYTE + BYTES_BESIDES
        self.ids = 1 + rng.permutation(math.prod(shape)).reshape(shape)
        self.values = {**graph.constants, **graph.feed(self.ids)}
        self.constants = dict(graph.constants)  # and values that depend on no input
        self.from_ids = {graph.ids}  # names of values that depend on the ids, not only their number
        self.from_head: set[str] = set()  # names of values that depend on the head
        self.trace = GraphTrace.empty()

    def run(self) -> GraphTrace:
        """Visit all nodes. Raises ConversionError at one that an artifact has no place for."""
        for node in self.graph.nodes:
            self._visit(node)
        if not self.trace.layers:
            raise ConversionError("it has no LSTM node, and there is nothing else to convert")
        if not self.from_head:
            raise ConversionError(
                "it has no linear head (Gemm or MatMul) over the states of its LSTM"
            )
        self.trace.output = self._output()
        return self.trace

    def _visit(self, node: NodeProto) -> None:
        inputs = {name for name in node.input if name}
        if node.domain not in DOMAINS:
            raise refusal(node, f"is of the domain {node.domain}, not one of ONNX's own")
        outputs = self._visitor(node)(node)
        for name, value in zip(node.output, outputs, strict=False):
            self.values[name] = value
            if inputs <= self.constants.keys():
                self.constants[name] = value
            if inputs & self.from_ids and node.op_type not in {"Shape", "Size"}:
                self.from_ids.add(name)
            if inputs & self.from_head:
                self.from_head.add(name)

    def _visitor(self, node: NodeProto) -> Callable[[NodeProto], list[Values]]:
        """Return the method for a node: of a part of the network, or of what is between them."""
        after_head = not self.from_head.isdisjoint(node.input)
        of_ids = not self.from_ids.isdisjoint(node.input)
        match node.op_type:
            case "LSTM" | "RNN":
                visitor = self._layer
            case "Gemm" | "MatMul":
                visitor = self._head
            case "Add" if after_head:
                visitor = self._add_bias
            case "Equal" if of_ids:
                visitor = self._mask
            case "Gather" if self._looks_up(node):
                visitor = self._embedding
            case "Dropout":
                visitor = self._dropout
            case kind if kind in OPERATIONS or (kind in ACTIVATIONS and after_head):
                visitor = self._compute
            case "TopK" if self.values[node.input[0]].dtype.kind == "i":
                visitor = self._compute  # sorts the texts by their lengths
            case _:
                raise refusal(node, "is of a kind that an artifact has no place for")
        return visitor

    def _compute(self, node: NodeProto) -> list[Values]:
        self._reserve(most_bytes(node, [self.values[name] for name in node.input if name]))
        return compute(
            node, {name: self.values[name] for name in node.input if name}, self.graph.opset
        )

    def _dropout(self, node: NodeProto) -> list[Values]:
        value, *_ = (self.values[name] for name in node.input if name)
        if any(self.values[name].any() for name in node.input[2:] if name):  # training_mode
            raise refusal(node, "drops numbers where it predicts: export in evaluation mode")
        return [value, np.ones_like(value, bool)]

    def _mask(self, node: NodeProto) -> list[Values]:
        ids, other = sorted(node.input, key=self.from_ids.__contains__, reverse=True)
        masked = self.constants.get(other, np.empty(0))
        if not np.array_equal(self.values[ids], self.ids) or masked.size != 1:
            raise refusal(node, "compares what are not the token ids with one of them")
        if self.trace.skips not in {None, int(masked.item())}:
            raise refusal(node, "masks a second token id")
        self.trace.skips = int(masked.item())
        return [np.zeros_like(self.ids, bool)]

    def _looks_up(self, node: NodeProto) -> bool:
        table, indices = node.input
        value = self.constants.get(table)
        floats = value is not None and value.ndim == MATRIX and value.dtype.kind == "f"
        return floats and indices in self.from_ids

    def _embedding(self, node: NodeProto) -> list[Values]:
        table, ids = node.input
        if self.trace.embedding[0]:
            raise refusal(node, "is a second embedding, where an artifact has one")
        axis = attributes(node).get("axis", 0)
        if axis != 0 or not np.array_equal(self.values[ids], self.ids):
            raise refusal(node, "does not look the token ids up as they are")
        value = self.constants[table]
        self.trace.embedding = table, value
        self.trace.embedded = self._random(*self.ids.shape, value.shape[1], like=value)
        return [self.trace.embedded]

    def _layer(self, node: NodeProto) -> list[Values]:
        trace = self.trace
        layer, names = layer_of(node, self.constants)
        x = self.values[names["X"]]
        inputs = layer.directions[0].weight_ih.shape[1]
        if x.ndim != MATRIX + 1 or x.shape[2] != inputs:
            raise refusal(node, f"reads values of the shape {x.shape}, not (T, B, {inputs})")
        steps, texts, _ = x.shape
        if not trace.layers:
            self._check_embedded(node, x)
        elif (steps, texts) != trace.states[-1].shape[0:3:2]:
            raise refusal(node, f"does not read the states of {trace.layers[-1].name}")
        size = (len(layer.directions), texts, layer.units)
        self._check_start(node, names, steps, size)
        states = self._random(steps, *size, like=x)
        cells = self._random(*size, like=x)
        trace.layers.append(layer)
        trace.read.append(x.reshape(steps * texts, inputs))
        trace.states.append(states)
        trace.cells.append(cells)
        return [states, np.stack([states[-1, 0], *states[0, 1:]]), cells]

    def _check_embedded(self, node: NodeProto, x: Values) -> None:
        """Check that the first layer reads the embedding as (T, B, X).

        The ids may be (B, T), (T, B) or (T,).
        """
        embedded = self.trace.embedded
        texts_first = embedded[np.newaxis] if embedded.ndim == MATRIX else embedded
        if texts_first.ndim == x.ndim and np.array_equal(x, texts_first.swapaxes(0, 1)):
            return
        if not np.array_equal(x, embedded):
            raise refusal(node, "does not read the embedding of the token ids as it is")
        self.trace.steps_first = True

    def _check_start(
        self, node: NodeProto, names: Mapping[str, str], steps: int, size: tuple[int, ...]
    ) -> None:
        """Check that each text is read to its end, from states of zeros."""
        lengths = names.get("sequence_lens")
        if lengths and not (self.values[lengths] == steps).all():
            raise refusal(node, "does not read each text to its end")
        for state in ("initial_h", "initial_c"):
            name = names.get(state)
            if not name:
                continue
            start = self.values[name]
            if name in self.from_ids or start.any():
                raise refusal(node, f"starts from an {state} that is not zero")
            if start.shape != size:
                raise refusal(
                    node,
                    f"has an {state} of the shape {start.shape}, not {size}: export the graph for "
                    "any number of texts",
                )

    def _head(self, node: NodeProto) -> list[Values]:
        trace, options = self.trace, attributes(node)
        read, table, *bias = node.input
        weight = self.constants.get(table, np.empty(0))
        if not trace.layers or read not in self.from_ids or weight.ndim != MATRIX:
            raise refusal(node, "is no linear head over the states of an LSTM")
        if self.from_head:
            raise refusal(node, "is a second linear layer, where an artifact has one")
        if options.get("transA"):
            raise refusal(node, "reads its input transposed")
        weight = weight.T if options.get("transB") else weight
        pooled, texts = self.values[read], trace.states[-1].shape[2]
        if math.prod(pooled.shape[:-1]) != texts or pooled.shape[-1] != len(weight):
            raise refusal(
                node,
                f"reads values of the shape {pooled.shape}, not one row of {len(weight)} numbers "
                "for each text: what an artifact's head reads is pooled over the steps",
            )
        trace.head = table, weight * options.get("alpha", 1.0)
        trace.pooled = pooled.reshape(texts, len(weight))
        trace.logits = self._random(texts, weight.shape[1], like=weight)
        self.from_head.update(node.output)
        for name in filter(None, bias):
            self._take_bias(node, name, options.get("beta", 1.0))
        return [trace.logits.reshape(*pooled.shape[:-1], -1)]

    def _add_bias(self, node: NodeProto) -> list[Values]:
        logits, bias = sorted(node.input, key=self.from_head.__contains__, reverse=True)
        self._take_bias(node, bias, 1.0)
        return [self.values[logits]]  # random anyway, so they may have it already

    def _take_bias(self, node: NodeProto, name: str, times: float) -> None:
        labels = self.trace.logits.shape[1]
        if self.trace.bias is not None or name not in self.constants:
            raise refusal(node, "adds to the logits more than one constant bias")
        value = self.constants[name]
        if value.size not in {1, labels}:
            raise refusal(node, f"adds a bias of the shape {value.shape} to {labels} logits")
        self.trace.bias = name, np.broadcast_to(value.ravel() * times, labels)

    def _output(self) -> Output:
        given, logits = self.values[self.graph.output], self.trace.logits.astype(np.float64)
        powers = np.exp(logits)
        total = powers.sum(axis=1, keepdims=True)
        meanings: dict[Output, Values] = {"logits": logits}
        if logits.shape[1] == 1:
            meanings["probabilities"] = powers / (1 + powers)
        else:
            meanings |= {
                "probabilities": powers / total,
                "log-probabilities": logits - np.log(total),
            }
        for output, values in meanings.items():
            if given.size == values.size and np.allclose(
                given.reshape(values.shape), values, rtol=0, atol=TOLERANCE
            ):
                return output
        raise ConversionError(
            f"its output {self.graph.output} is neither its head's logits nor their "
            "softmax, nor the sigmoid of a single one, and an artifact has nothing else"
        )

    def _random(self, *shape: int, like: Values) -> Values:
        """Draw numbers between -1 and 1, no two of them equal."""
        size = math.prod(shape)
        self._reserve(size * like.itemsize)
        numbers = (2 * self.rng.permutation(size) + 1) / max(1, size) - 1
        return numbers.reshape(shape).astype(like.dtype)

    def _reserve(self, size: int) -> None:
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise ConversionError(
                "it makes far more numbers of a few token ids than its file holds, which no text "
                "classifier does"
            )
