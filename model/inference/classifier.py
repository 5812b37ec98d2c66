"""Classifier: the one object that predicts, traces, and is served."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model import interruption
from conveyor.model.arrays import Floats
from conveyor.model.inference.continuous_batching import Reader, kernels_of, reader_of
from conveyor.model.network.classifier import LSTMClassifier, NetworkTrace
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.lstm import Kernel
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import State, States
from conveyor.model.text.batching import BATCH_TOKENS, batches_by_length, padded_batches
from conveyor.model.text.tokenizer import Encoding, Tokenizer


@dataclass(frozen=True)
class LayerStates:
    """The selected tensors of one layer and direction: S steps, U units."""

    layer: int
    direction: str
    tensors: dict[str, Floats]  # (S, U)
    summaries: dict[str, NDArray[Any]]  # (S,) or (S, U)


@dataclass(frozen=True)
class Trace:
    """The probabilities of one text, and the selected inner states of the network."""

    probabilities: Floats  # (labels,)
    steps: range
    layers: list[LayerStates]
    step_scores: Floats | None  # (S, labels)
    contributions: dict[str, Floats]  # by direction (labels, U), and the "bias" (labels,)
    end: State | None


@dataclass(frozen=True)
class Classifier:
    """A tokenizer and a network that belong together.

    What shares a call never changes an answer: texts are batched by length, padding does not count.
    """

    config: ModelConfig
    network: LSTMClassifier
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        """Encode each text as the network reads it, in full length."""
        return self.tokenizer.encode(texts, offsets=offsets)

    def classify(
        self, texts: Sequence[str], on_progress: Callable[[int], None] = lambda _: None
    ) -> Floats:
        """Return the probabilities (N, labels) of N texts, long ones by their last tokens.

        ``on_progress`` is told the number of texts that are read so far. Raises Interrupted.
        """
        most = self.config.max_tokens
        encodings = [encoding.last(most) for encoding in self.tokenizer.encode_each(texts)]
        return self.predict(encodings, on_progress)

    def predict(
        self, encodings: Sequence[Encoding], on_progress: Callable[[int], None] = lambda _: None
    ) -> Floats:
        """Return what `classify` does, of N encodings, by all tokens of each."""
        lengths = [len(encoding) for encoding in encodings]
        probabilities = np.empty((len(encodings), len(self.config.labels)), np.float32)
        reader, done = self.reader(), 0
        # Alike in length, so that as many as possible are read together to their ends.
        for batch in interruption.watched(batches_by_length(lengths, BATCH_TOKENS)):
            reader.add([(index, encodings[index].ids) for index in batch])
            while reader:
                for index, row in reader.step().finished:
                    probabilities[index] = row
            done += len(batch)
            on_progress(done)
        return probabilities

    def reader(self) -> Reader:
        """Make a reader for texts that come and go while others are being predicted.

        The recurrent layers' weights must not change from the first one on.
        """
        return reader_of(self.network, self._kernels)

    @cached_property
    def _kernels(self) -> list[Kernel]:
        return kernels_of(self.network)

    def trace(
        self,
        encodings: Sequence[Encoding],
        selection: Selection | None = None,
        starts: Sequence[State | None] | None = None,
    ) -> list[Trace]:
        """Return what `predict` does, and what is selected of all on the way, text by text.

        With ``starts``, each text goes on where another one ended.
        """
        selection = selection or Selection()
        traces: dict[int, Trace] = {}
        device = self.network.head.weight.device
        sequences = [encoding.ids for encoding in encodings]
        batches = padded_batches(sequences, BATCH_TOKENS, self.config.pad_token_id)
        for batch, ids, lengths in batches:
            start = None
            if starts is not None:
                states = [starts[index] for index in batch]
                start = States.stack(states, self.config).to(device)
            traced = self.network.trace(ids.to(device), lengths.to(device), selection, start)
            steps = [selection.steps_of(len(encodings[index])) for index in batch]
            traces.update(zip(batch, _texts(traced, steps), strict=True))
        return [traces[index] for index in range(len(encodings))]


def _texts(traced: NetworkTrace, steps: Sequence[range]) -> Iterator[Trace]:
    """Yield a batch's texts, each with its own steps of all arrays, without copies."""
    probabilities = traced.logits.softmax(dim=-1).numpy(force=True)
    layers = [(layer, _numpy(layer.tensors), _numpy(layer.summaries)) for layer in traced.layers]
    scores = None if traced.step_scores is None else traced.step_scores.numpy(force=True)
    shares = _numpy(traced.contributions)
    for row, own in enumerate(steps):
        place = slice(len(own)), row
        yield Trace(
            probabilities=probabilities[row],
            steps=own,
            layers=[
                LayerStates(
                    layer.layer,
                    layer.direction,
                    {name: array[place] for name, array in tensors.items()},
                    {name: array[place] for name, array in summaries.items()},
                )
                for layer, tensors, summaries in layers
            ],
            step_scores=None if scores is None else scores[place],
            contributions={name: array[row] for name, array in shares.items()},
            end=None if traced.end is None else traced.end.of(row),
        )


def _numpy(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}


def used_threads() -> int:
    """Return how many processor threads a prediction may use."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let a prediction use this many processor threads, from now on and in the whole process."""
    torch.set_num_threads(count)
