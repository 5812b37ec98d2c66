"""Walking through an ONNX graph with made-up numbers, to learn what it computes.

Exporters write the plumbing between an embedding, its LSTM and its head in many ways. So it is not
compared with patterns but run, one node after the other, on small texts of made-up ids; and what
comes out of the embedding, of each recurrent layer and of the head is replaced by made-up numbers.
Then each number at the entrance of the next part tells where it comes from: which unit it is, at
which step, or that it is a unit's largest or its mean over the steps.

Only nodes of known kinds are run. Those of `PLUMBING` move numbers, add and multiply them, or take
the largest, so that what holds for a few made-up numbers holds for all. Any other kind is refused.
The one comparison is that of the ids with one of them, a mask: no made-up id is that one.

Shapes in comments: T steps, B texts, X inputs, D directions, H units of one direction, W = D*H, K
columns that a part reads, L outputs of the head.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from onnx import NodeProto

from model.convert.network import Array, Layer
from model.convert.onnx.graph import DOMAINS, Graph
from model.convert.onnx.nodes import Values, attributes, compute, layer_of, most_bytes, refusal
from model.errors import ConversionError

Output = Literal["logits", "probabilities", "log-probabilities"]

PLUMBING = frozenset(
    {
        "Add", "Cast", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand",
        "Flatten", "Gather", "GatherElements", "GlobalAveragePool", "GlobalMaxPool", "Identity",
        "Mul", "Not", "Range", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape",
        "ScatterElements", "Shape", "Size", "Slice", "Split", "Squeeze", "Sub", "Transpose",
        "Unsqueeze", "Where",
    }
)  # fmt: skip
ACTIVATIONS = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})  # of the head

# Texts and steps of the walks, where the graph leaves them open: enough of both that no two columns
# agree by chance.
WALKS = ((3, 5), (2, 7), (1, 4), (3, 6))

# The bytes that a walk may make, for each byte of the file and besides: exporters put the weights
# together anew, and the made-up texts are tiny.
TIMES, BESIDES = 32, 2**28

# How far a mean in single precision may be off; made-up numbers lie between -1 and 1.
TOLERANCE = 1e-6

MATRIX = 2  # dimensions


@dataclass
class GraphTrace:
    """What a walk has met, and the made-up numbers with which it went on."""

    embedding: tuple[str, Array]  # (V, X)
    embedded: Values  # the shape of the ids, and X
    head: tuple[str, Array]  # (K, L)
    pooled: Values  # what the head read (B, K)
    logits: Values  # (B, L)
    bias: tuple[str, Array] | None = None  # (L,)
    output: Output = "logits"
    steps_first: bool = False
    skips: int | None = None  # the id that is masked
    layers: list[Layer] = field(default_factory=list)
    read: list[Values] = field(default_factory=list)  # by each layer (T*B, K)
    states: list[Values] = field(default_factory=list)  # of each layer (T, D, B, H)
    cells: list[Values] = field(default_factory=list)  # of each layer, at the end (D, B, H)

    @classmethod
    def nothing(cls) -> "GraphTrace":
        """What has been met before the first node."""
        none = np.empty(0, np.float32)
        return cls(("", none), none, ("", none), none, none)

    def side_by_side(self, depth: int) -> Values:
        """The states of a layer, its directions side by side (T*B, W)."""
        steps, directions, texts, units = self.states[depth].shape
        return self.states[depth].transpose(0, 2, 1, 3).reshape(steps * texts, directions * units)

    @property
    def poolings(self) -> Values:
        """The top layer's last, largest and mean, side by side (B, 3W)."""
        top = self.states[-1]
        last = [top[-1, 0], *top[0, 1:]]
        return np.concatenate([*last, *top.max(axis=0), *top.mean(axis=0)], axis=-1)

    @property
    def mistakable(self) -> Mapping[str, Values]:
        """What heads are seen to read instead, which no pooling gives (B, W)."""
        at_last_step = np.concatenate([*self.states[-1][-1]], axis=-1)
        return {
            "the cell state c": np.concatenate([*self.cells[-1]], axis=-1),
            "the backward direction at the last step, where it has read one token": at_last_step,
        }


def walk(graph: Graph) -> list[GraphTrace]:
    """Go through a graph some times, with texts of several lengths. Raises ConversionError."""
    rng = np.random.default_rng(0)
    shapes = [_shape(graph.shape, texts, steps) for texts, steps in WALKS]
    return [_Walk(graph, shape, rng).run() for shape in shapes]


def _shape(declared: Sequence[int | None], texts: int, steps: int) -> tuple[int, ...]:
    open_sizes = (texts, steps)[-len(declared) :]
    return tuple(size or free for size, free in zip(declared, open_sizes, strict=True))


class _Walk:
    """One walk, over made-up texts of a shape."""

    def __init__(self, graph: Graph, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self.graph = graph
        self.rng = rng
        self.room = graph.size * TIMES + BESIDES
        self.ids = 1 + rng.permutation(math.prod(shape)).reshape(shape)
        self.values = {**graph.constants, **graph.feed(self.ids)}
        self.fixed = dict(graph.constants)  # what depends on no input
        self.textual = {graph.ids}  # names of what depends on the ids, not only on their number
        self.judged: set[str] = set()  # names of what depends on the head
        self.seen = GraphTrace.nothing()

    def run(self) -> GraphTrace:
        """Meet all nodes. Raises ConversionError at one that an artifact has no place for."""
        for node in self.graph.nodes:
            self._visit(node)
        if not self.seen.layers:
            raise ConversionError("it has no LSTM node, and there is nothing else to convert")
        if not self.judged:
            raise ConversionError(
                "it has no linear head (Gemm or MatMul) over the states of its LSTM"
            )
        self.seen.output = self._output()
        return self.seen

    def _visit(self, node: NodeProto) -> None:
        inputs = {name for name in node.input if name}
        if node.domain not in DOMAINS:
            raise refusal(node, f"is of the domain {node.domain}, not one of ONNX's own")
        outputs = self._work(node)(node)
        for name, value in zip(node.output, outputs, strict=False):
            self.values[name] = value
            if inputs <= self.fixed.keys():
                self.fixed[name] = value
            if inputs & self.textual and node.op_type not in {"Shape", "Size"}:
                self.textual.add(name)
            if inputs & self.judged:
                self.judged.add(name)

    def _work(self, node: NodeProto) -> Callable[[NodeProto], list[Values]]:
        """What a node is here: a part of the network, or plumbing between two of them."""
        after_head = not self.judged.isdisjoint(node.input)
        of_text = not self.textual.isdisjoint(node.input)
        match node.op_type:
            case "LSTM" | "RNN":
                work = self._layer
            case "Gemm" | "MatMul":
                work = self._head
            case "Add" if after_head:
                work = self._add_bias
            case "Equal" if of_text:
                work = self._mask
            case "Gather" if self._looks_up(node):
                work = self._embedding
            case "Dropout":
                work = self._dropout
            case kind if kind in PLUMBING or (kind in ACTIVATIONS and after_head):
                work = self._plumbing
            case "TopK" if self.values[node.input[0]].dtype.kind == "i":
                work = self._plumbing  # sorts the texts by their lengths
            case _:
                raise refusal(node, "is of a kind that an artifact has no place for")
        return work

    def _plumbing(self, node: NodeProto) -> list[Values]:
        self._take_room(most_bytes(node, [self.values[name] for name in node.input if name]))
        return compute(
            node, {name: self.values[name] for name in node.input if name}, self.graph.opset
        )

    def _dropout(self, node: NodeProto) -> list[Values]:
        value, *_ = (self.values[name] for name in node.input if name)
        if any(self.values[name].any() for name in node.input[2:] if name):  # training_mode
            raise refusal(node, "drops numbers where it predicts: export in evaluation mode")
        return [value, np.ones_like(value, bool)]

    def _mask(self, node: NodeProto) -> list[Values]:
        places, other = sorted(node.input, key=self.textual.__contains__, reverse=True)
        id_ = self.fixed.get(other, np.empty(0))
        if not np.array_equal(self.values[places], self.ids) or id_.size != 1:
            raise refusal(node, "compares what are not the token ids with one of them")
        if self.seen.skips not in {None, int(id_.item())}:
            raise refusal(node, "masks a second token id")
        self.seen.skips = int(id_.item())
        return [np.zeros_like(self.ids, bool)]

    def _looks_up(self, node: NodeProto) -> bool:
        table, places = node.input
        value = self.fixed.get(table)
        floats = value is not None and value.ndim == MATRIX and value.dtype.kind == "f"
        return floats and places in self.textual

    def _embedding(self, node: NodeProto) -> list[Values]:
        table, places = node.input
        if self.seen.embedding[0]:
            raise refusal(node, "is a second embedding, where an artifact has one")
        axis = attributes(node).get("axis", 0)
        if axis != 0 or not np.array_equal(self.values[places], self.ids):
            raise refusal(node, "does not look the token ids up as they are")
        value = self.fixed[table]
        self.seen.embedding = table, value
        self.seen.embedded = self._made_up(*self.ids.shape, value.shape[1], like=value)
        return [self.seen.embedded]

    def _layer(self, node: NodeProto) -> list[Values]:
        seen = self.seen
        layer, names = layer_of(node, self.fixed)
        x = self.values[names["X"]]
        inputs = layer.directions[0].weight_ih.shape[1]
        if x.ndim != MATRIX + 1 or x.shape[2] != inputs:
            raise refusal(node, f"reads values of the shape {x.shape}, not (T, B, {inputs})")
        steps, texts, _ = x.shape
        if not seen.layers:
            self._check_embedded(node, x)
        elif (steps, texts) != seen.states[-1].shape[0:3:2]:
            raise refusal(node, f"does not read the states of {seen.layers[-1].name}")
        size = (len(layer.directions), texts, layer.units)
        self._check_start(node, names, steps, size)
        states = self._made_up(steps, *size, like=x)
        cells = self._made_up(*size, like=x)
        seen.layers.append(layer)
        seen.read.append(x.reshape(steps * texts, inputs))
        seen.states.append(states)
        seen.cells.append(cells)
        return [states, np.stack([states[-1, 0], *states[0, 1:]]), cells]

    def _check_embedded(self, node: NodeProto, x: Values) -> None:
        """The first layer reads the embedding as (T, B, X); the ids may be (B, T), (T, B), (T,)."""
        embedded = self.seen.embedded
        texts_first = embedded[np.newaxis] if embedded.ndim == MATRIX else embedded
        if texts_first.ndim == x.ndim and np.array_equal(x, texts_first.swapaxes(0, 1)):
            return
        if not np.array_equal(x, embedded):
            raise refusal(node, "does not read the embedding of the token ids as it is")
        self.seen.steps_first = True

    def _check_start(
        self, node: NodeProto, names: Mapping[str, str], steps: int, size: tuple[int, ...]
    ) -> None:
        """Each text is read to its end, from states of zeros."""
        lengths = names.get("sequence_lens")
        if lengths and not (self.values[lengths] == steps).all():
            raise refusal(node, "does not read each text to its end")
        for what in ("initial_h", "initial_c"):
            name = names.get(what)
            if not name:
                continue
            start = self.values[name]
            if name in self.textual or start.any():
                raise refusal(node, f"starts from an {what} that is not zero")
            if start.shape != size:
                raise refusal(
                    node,
                    f"has an {what} of the shape {start.shape}, not {size}: export the graph for "
                    "any number of texts",
                )

    def _head(self, node: NodeProto) -> list[Values]:
        seen, asked = self.seen, attributes(node)
        read, table, *bias = node.input
        weight = self.fixed.get(table, np.empty(0))
        if not seen.layers or read not in self.textual or weight.ndim != MATRIX:
            raise refusal(node, "is no linear head over the states of an LSTM")
        if self.judged:
            raise refusal(node, "is a second linear layer, where an artifact has one")
        if asked.get("transA"):
            raise refusal(node, "reads its input transposed")
        weight = weight.T if asked.get("transB") else weight
        pooled, texts = self.values[read], seen.states[-1].shape[2]
        if math.prod(pooled.shape[:-1]) != texts or pooled.shape[-1] != len(weight):
            raise refusal(
                node,
                f"reads values of the shape {pooled.shape}, not one row of {len(weight)} numbers "
                "for each text: what an artifact's head reads is pooled over the steps",
            )
        seen.head = table, weight * asked.get("alpha", 1.0)
        seen.pooled = pooled.reshape(texts, len(weight))
        seen.logits = self._made_up(texts, weight.shape[1], like=weight)
        self.judged.update(node.output)
        for name in filter(None, bias):
            self._take_bias(node, name, asked.get("beta", 1.0))
        return [seen.logits.reshape(*pooled.shape[:-1], -1)]

    def _add_bias(self, node: NodeProto) -> list[Values]:
        logits, bias = sorted(node.input, key=self.judged.__contains__, reverse=True)
        self._take_bias(node, bias, 1.0)
        return [self.values[logits]]  # made up anyway, so they may have it already

    def _take_bias(self, node: NodeProto, name: str, times: float) -> None:
        labels = self.seen.logits.shape[1]
        if self.seen.bias is not None or name not in self.fixed:
            raise refusal(node, "adds to the logits more than one constant bias")
        value = self.fixed[name]
        if value.size not in {1, labels}:
            raise refusal(node, f"adds a bias of the shape {value.shape} to {labels} logits")
        self.seen.bias = name, np.broadcast_to(value.ravel() * times, labels)

    def _output(self) -> Output:
        given, logits = self.values[self.graph.output], self.seen.logits.astype(np.float64)
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

    def _made_up(self, *shape: int, like: Values) -> Values:
        """Numbers between -1 and 1, no two of them equal."""
        size = math.prod(shape)
        self._take_room(size * like.itemsize)
        numbers = (2 * self.rng.permutation(size) + 1) / max(1, size) - 1
        return numbers.reshape(shape).astype(like.dtype)

    def _take_room(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise ConversionError(
                "it makes far more numbers of a few token ids than its file holds, which no text "
                "classifier does"
            )
