"""Continuous batching, as a recurrent network allows it: texts come and go while others are read.

A network that reads from left to right needs nothing of a text but where it stands: h, an LSTM's c,
and the state of its pooling. So texts do not have to begin and end together. All texts that are
being read go on by a span of steps at a time; those that end with it leave with their answer, and
new ones join before the next. Hardly any padding is read, nobody waits for the longest text, and a
long text never has the kernel to itself while others wait.

Spans have few lengths and not too many rows (`conveyor.model.network.spans` says why).

Shapes in comments: B texts, T steps, H units.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model.arrays import Floats
from conveyor.model.network.cell import parameters
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.lstm import Kernel
from conveyor.model.network.pooling import PoolingState
from conveyor.model.network.spans import Costs, span_length
from conveyor.model.text.batching import BATCH_TOKENS, padded_batches


class Step(NamedTuple):
    """The result of one step of a reader."""

    finished: list[tuple[int, Floats]]  # the number of each text that ended, its probabilities
    tokens: int
    padding: int  # what was read of no text


class Reader(Protocol):
    """Texts that are being read. Each has a number by which its answer is known."""

    def __len__(self) -> int:
        """Return how many texts are being read."""

    def add(self, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Begin to read these texts: a number, and the ids of the tokens."""

    def prepare(self) -> None:
        """Do as much of the next step as can be done before the kernel is called."""

    def step(self) -> Step:
        """Go on, and give the texts that ended. At least one text must be being read."""


def reader_of(network: LSTMClassifier, kernels: Sequence[Kernel]) -> Reader:
    """Make the reader for this network, whose `kernels_of` these are."""
    if network.config.bidirectional:
        return WholeReader(network)
    return SpanReader(network, kernels)


def kernels_of(network: LSTMClassifier) -> list[Kernel]:
    """Make what reads each layer from left to right, for as long as its weights do not change."""
    with torch.inference_mode():
        return [network.cell.kernel(weights) for weights in _weights(network)]


def _weights(network: LSTMClassifier) -> list[list[Tensor]]:
    layers = range(network.config.num_layers)
    return [parameters(network.recurrent, layer, "forward") for layer in layers]


@dataclass
class _Text:
    number: int
    ids: NDArray[np.int64]
    read: int = 0

    @property
    def left(self) -> int:
        return len(self.ids) - self.read


class _Carry(NamedTuple):
    """The states of B texts in L layers, after the steps that are read."""

    # (S*L+1, B, H): h of each layer, an LSTM's c of each layer, the largest h of the top so far
    states: Tensor
    total: Tensor  # (B, H): the sum of all h of the top so far, in double precision


class SpanReader:
    """Reads from left to right, a span of steps of all texts at a time.

    Around the kernel stand few operations: each of them lets go of the interpreter, which a busy
    event loop then takes, and gives back a good while later.
    """

    def __init__(self, network: LSTMClassifier, kernels: Sequence[Kernel]) -> None:
        self._network = network
        self._kernels = kernels
        self._layers = network.config.num_layers
        self._device = network.head.weight.device
        self._costs = Costs.of(_weights(network))
        # Nothing read yet: all states are zeros, and there is no largest.
        states = len(network.cell.STATES) * self._layers
        nothing = torch.zeros(states + 1, 1, network.config.hidden_size, device=self._device)
        nothing[-1] = -torch.inf
        self._initial = _Carry(nothing, nothing[0].double())
        self._texts: list[_Text] = []
        self._carry = _Carry(nothing[:, :0], self._initial.total[:0])
        self._new: list[_Text] = []
        self._prepared: Tensor | None = None

    def __len__(self) -> int:
        return len(self._texts) + len(self._new)

    def add(self, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Let these texts join at the next step."""
        self._new.extend(_Text(number, np.asarray(ids, np.int64)) for number, ids in texts)

    @torch.inference_mode()
    def prepare(self) -> None:
        """Let new texts join, and look up the embeddings of the next span."""
        self._next()

    def _next(self) -> Tensor:
        """Look up the embeddings (T, B, X) of the next span of all texts."""
        if self._new:
            self._take_in()
            self._prepared = None
        if self._prepared is None:
            self._prepared = self._network.embedding(self._span())
        return self._prepared

    @torch.inference_mode()
    def step(self) -> Step:
        """Read one span of all texts."""
        x, self._prepared = self._next(), None
        length = len(x)
        top, states = self._read(x)
        left = [text.left for text in self._texts]
        ended = bisect_right(left, length)
        last, largest, total = self._pool(top, left[:ended])
        finished = self._classify(last, largest[:ended], total[:ended])
        stacked = torch.stack([*states, largest])
        self._carry = _Carry(stacked[:, ended:], total[ended:])
        self._texts = self._texts[ended:]
        for text in self._texts:
            text.read += length
        tokens = sum(left[:ended]) + length * len(self._texts)
        return Step(finished, tokens, length * len(left) - tokens)

    def _take_in(self) -> None:
        """Let the new texts join, all in the order in which they will end."""
        texts = [*self._texts, *self._new]
        count, self._new = len(self._new), []
        order = sorted(range(len(texts)), key=lambda index: texts[index].left)
        self._texts = [texts[index] for index in order]
        rows = torch.tensor(order, device=self._device)
        states = self._initial.states.expand(-1, count, -1)
        total = self._initial.total.expand(count, -1)
        self._carry = _Carry(
            torch.cat([self._carry.states, states], dim=1)[:, rows],
            torch.cat([self._carry.total, total])[rows],
        )

    def _span(self) -> Tensor:
        """Put together the next ids (T, B) of all texts."""
        length = span_length([text.left for text in self._texts], self._costs)
        ids = np.full((len(self._texts), length), self._network.config.pad_token_id, np.int64)
        for row, text in zip(ids, self._texts, strict=True):
            part = text.ids[text.read : text.read + length]
            row[: len(part)] = part
        return torch.from_numpy(ids).to(self._device).T

    def _read(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the top layer's states (T, B, H), and all layers' states (B, H) after the span."""
        ends = []
        for layer, kernel in enumerate(self._kernels):
            start = self._carry.states[layer : -1 : self._layers].unbind()
            x, end = kernel(x, start)
            ends.append(end)
        return x, [state for layers in zip(*ends, strict=True) for state in layers]

    def _pool(self, top: Tensor, left: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Pool the last states of the texts that end, of all texts the largest ones and the sums.

        ``top`` (T, B, H) is written over where it lies past the end of a text.
        """
        ends = torch.tensor(left, dtype=torch.int64, device=self._device)
        ending = top[:, : len(left)]
        steps = torch.arange(len(top), device=self._device)
        past = (steps.unsqueeze(1) >= ends).unsqueeze(-1)
        ending.masked_fill_(past, 0.0)
        # A text without tokens has zeros here as well: h before its first step.
        last = ending[(ends - 1).clamp_(min=0), torch.arange(len(left), device=self._device)]
        total = self._carry.total + top.sum(dim=0)
        ending.masked_fill_(past, -torch.inf)
        largest = torch.maximum(self._carry.states[-1], top.amax(dim=0))
        return last, largest, total

    def _classify(self, last: Tensor, largest: Tensor, total: Tensor) -> list[tuple[int, Floats]]:
        """Return the numbers of the texts that end, the first ones, and their probabilities."""
        texts = self._texts[: len(last)]
        steps = torch.tensor([len(text.ids) for text in texts], device=self._device)
        pooling_state = PoolingState(last, largest, total, steps)
        probabilities = self._network.logits(pooling_state).softmax(dim=-1).numpy(force=True)
        return [(text.number, row) for text, row in zip(texts, probabilities, strict=True)]


class WholeReader:
    """Reads whole texts at once, for networks that begin at both ends of a text."""

    def __init__(self, network: LSTMClassifier) -> None:
        self._network = network
        self._texts: list[tuple[int, Sequence[int]]] = []

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Let these texts be read at the next step."""
        self._texts.extend(texts)

    def prepare(self) -> None:
        """Do nothing: all is done in the step."""

    @torch.inference_mode()
    def step(self) -> Step:
        """Read all texts to their ends."""
        texts, self._texts = self._texts, []
        device = self._network.head.weight.device
        finished: list[tuple[int, Floats]] = []
        tokens = padded = 0
        sequences = [ids for _, ids in texts]
        batches = padded_batches(sequences, BATCH_TOKENS, self._network.config.pad_token_id)
        for batch, ids, lengths in batches:
            logits = self._network(ids.to(device), lengths.to(device))
            numbers = [texts[index][0] for index in batch]
            probabilities = logits.softmax(dim=-1).numpy(force=True)
            finished.extend(zip(numbers, probabilities, strict=True))
            tokens += int(lengths.sum())
            padded += ids.numel()
        return Step(finished, tokens, padded - tokens)
