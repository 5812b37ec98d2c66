"""Predicting texts that come and go: continuous batching, as a recurrent network allows it.

A network that reads from left to right needs nothing of a text but where it stands: h, c, and the
account of its pooling. So texts do not have to begin and end together. All texts that are being
read go on by a span of steps at a time; those that end with it leave with their answer, and new
ones join before the next. Hardly any padding is read, nobody waits for the longest text, and a long
text never has the kernel to itself while others wait.

Spans have few lengths and not too many rows, because the kernel keeps a plan with its working
memory for every shape that it has met (oneDNN's primitive cache, 1,024 entries of about a megabyte
in torch 2.13): a process that meets every shape there is grows by a gigabyte, and builds new plans
most of the time (docs/performance.md).

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

from model import lstm, pooling
from model.collate import batches_by_length, collate
from model.network import LSTMClassifier
from model.pooling import Account

Floats = NDArray[np.float32]

# Steps of a span, the longest first.
LENGTHS = (256, 128, 64, 32, 16, 8)

# Rows (steps times texts) of a span: more are not read faster, and each plan would be larger.
MOST_ROWS = 2048

# What another span costs, in rows that could be read in its time: 0.15 ms for the call of the
# kernel, and in a server a good millisecond for what goes on around it, at 5 to 10 µs a row (256
# units, two cores and one).
CALL_ROWS = 160

# Padded tokens of texts that are read at once, where they cannot be read in spans.
WHOLE_TOKENS = 8192


class Step(NamedTuple):
    """What one step of a reader did."""

    finished: list[tuple[int, Floats]]  # the number of each text that ended, its probabilities
    tokens: int
    padding: int  # what was read of no text


class Reader(Protocol):
    """Texts that are being read. Each has a number by which its answer is known."""

    def __len__(self) -> int:
        """How many texts are being read."""

    def add(self, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Begin to read these texts: a number, and the ids of the tokens."""

    def step(self) -> Step:
        """Go on, and give the texts that ended. At least one text must be being read."""


def reader(network: LSTMClassifier) -> Reader:
    """The reader for this network."""
    if network.config.bidirectional:
        return WholeReader(network)
    return SpanReader(network)


def span_length(left: Sequence[int]) -> int:
    """How many steps to read next, of texts of which so many (ascending) are left.

    The longest span in which padding costs less than another span would.
    """
    for length in LENGTHS[:-1]:
        ended = bisect_right(left, length)
        padding = ended * length - sum(left[:ended])
        if length * len(left) <= MOST_ROWS and padding <= CALL_ROWS:
            return length
    return LENGTHS[-1]


@dataclass
class _Text:
    number: int
    ids: NDArray[np.int64]
    read: int = 0

    @property
    def left(self) -> int:
        return len(self.ids) - self.read


class _Place(NamedTuple):
    """Where B texts stand, in L layers."""

    hidden: Tensor  # (L, B, H)
    cell: Tensor  # (L, B, H)
    account: Account

    def texts(self, which: slice | Tensor) -> "_Place":
        return _Place(self.hidden[:, which], self.cell[:, which], self.account.texts(which))


class SpanReader:
    """Reads from left to right, a span of steps of all texts at a time."""

    def __init__(self, network: LSTMClassifier) -> None:
        self._network = network
        self._device = network.head.weight.device
        self._texts: list[_Text] = []  # what is left of them ascends
        self._place = self._beginning(0)

    def __len__(self) -> int:
        return len(self._texts)

    @torch.inference_mode()
    def add(self, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Let these texts join at the next step."""
        new = [_Text(number, np.asarray(ids, np.int64)) for number, ids in texts]
        new_place = self._beginning(len(new))
        joined = _Place(
            torch.cat([self._place.hidden, new_place.hidden], dim=1),
            torch.cat([self._place.cell, new_place.cell], dim=1),
            self._place.account.joined(new_place.account),
        )
        texts_now = [*self._texts, *new]
        order = sorted(range(len(texts_now)), key=lambda index: texts_now[index].left)
        self._texts = [texts_now[index] for index in order]
        self._place = joined.texts(torch.tensor(order, dtype=torch.int64, device=self._device))

    @torch.inference_mode()
    def step(self) -> Step:
        """Read one span of all texts."""
        left = [text.left for text in self._texts]
        length = span_length(left)
        ended = bisect_right(left, length)
        top, place = self._read(self._span(length))
        own = torch.tensor(left[:ended], dtype=torch.int64, device=self._device)
        ending = place.account.texts(slice(None, ended))
        ending = pooling.at_end(top[:, :ended], own, top.shape[-1], ending)
        probabilities = self._network.judge(ending).softmax(dim=-1).numpy(force=True)
        numbers = [text.number for text in self._texts[:ended]]
        rest = place.texts(slice(ended, None))
        self._place = rest._replace(account=rest.account.grown(top[:, ended:]))
        self._texts = self._texts[ended:]
        for text in self._texts:
            text.read += length
        tokens = sum(left[:ended]) + length * len(self._texts)
        padding = length * len(left) - tokens
        return Step(list(zip(numbers, probabilities, strict=True)), tokens, padding)

    def _beginning(self, texts: int) -> _Place:
        """Nothing read yet: h = c = 0."""
        config = self._network.config
        zeros = torch.zeros(config.num_layers, texts, config.hidden_size, device=self._device)
        return _Place(zeros, zeros, Account.empty(zeros[0]))

    def _span(self, length: int) -> Tensor:
        """The next ids (T, B) of all texts."""
        ids = np.full((len(self._texts), length), self._network.config.pad_token_id, np.int64)
        for row, text in zip(ids, self._texts, strict=True):
            part = text.ids[text.read : text.read + length]
            row[: len(part)] = part
        return torch.from_numpy(ids).to(self._device).T

    def _read(self, ids: Tensor) -> tuple[Tensor, _Place]:
        """The top layer's states (T, B, H), and where each layer stands after the span."""
        x = self._network.embedding(ids)
        ends = []
        for layer in range(self._network.config.num_layers):
            weights = lstm.parameters(self._network.lstm, layer, "forward")
            start = self._place.hidden[layer], self._place.cell[layer]
            x, *end = lstm.run_on(x, *start, weights)
            ends.append(end)
        hidden, cell = (torch.stack(tensors) for tensors in zip(*ends, strict=True))
        return x, self._place._replace(hidden=hidden, cell=cell)


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

    @torch.inference_mode()
    def step(self) -> Step:
        """Read all texts to their ends."""
        texts, self._texts = self._texts, []
        device = self._network.head.weight.device
        finished: list[tuple[int, Floats]] = []
        lengths = [len(ids) for _, ids in texts]
        padded = 0
        for batch in batches_by_length(lengths, WHOLE_TOKENS):
            ids, counts = collate(
                [texts[index][1] for index in batch], self._network.config.pad_token_id
            )
            logits = self._network(ids.to(device), counts.to(device))
            numbers = [texts[index][0] for index in batch]
            probabilities = logits.softmax(dim=-1).numpy(force=True)
            finished.extend(zip(numbers, probabilities, strict=True))
            padded += ids.numel()
        return Step(finished, sum(lengths), padded - sum(lengths))
