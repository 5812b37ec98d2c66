"""Classifier: the one object that predicts, traces, and is served."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.collate import batches_by_length, collate
from model.config import ModelConfig
from model.network import LSTMClassifier, NetworkTrace
from model.selection import Selection
from model.state import State, States
from model.tokenizer import Encoding, Tokenizer

Floats = NDArray[np.float32]

# Large enough to keep the matrix products busy, small enough for tens of megabytes of activations.
BATCH_TOKENS = 8192


@dataclass(frozen=True)
class LayerStates:
    """What is selected of one layer and direction: S steps, U units."""

    layer: int
    direction: str
    tensors: dict[str, Floats]  # (S, U)
    summaries: dict[str, NDArray[Any]]  # (S,) or (S, U)


@dataclass(frozen=True)
class Trace:
    """What happened inside the network while it read one text."""

    probabilities: Floats  # (labels,)
    steps: range
    layers: list[LayerStates]
    step_scores: Floats | None  # (S, labels)
    end: State | None


@dataclass(frozen=True)
class Classifier:
    """A tokenizer and a network that belong together.

    What shares a call never changes an answer: texts are batched by length, padding does not count.
    """

    config: ModelConfig
    network: LSTMClassifier
    tokenizer: Tokenizer

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Each text as the network reads it, in full length."""
        return self.tokenizer.encode(texts)

    def predict(self, encodings: Sequence[Encoding]) -> Floats:
        """Probabilities (texts, labels), in the order of the texts."""
        probabilities = np.empty((len(encodings), len(self.config.labels)), np.float32)
        for batch in self._batches(encodings):
            ids, lengths = self._collate([encodings[index] for index in batch])
            with torch.inference_mode():
                logits = self.network(ids, lengths)
            probabilities[batch] = logits.softmax(dim=-1).numpy(force=True)
        return probabilities

    def trace(
        self,
        encodings: Sequence[Encoding],
        selection: Selection | None = None,
        starts: Sequence[State | None] | None = None,
    ) -> list[Trace]:
        """What `predict` gives, and what is selected of all on the way, in the order of the texts.

        With ``starts``, each text goes on where another one ended.
        """
        selection = selection or Selection()
        traces: dict[int, Trace] = {}
        for batch in self._batches(encodings):
            ids, lengths = self._collate([encodings[index] for index in batch])
            start = None
            if starts is not None:
                states = [starts[index] for index in batch]
                start = States.stack(states, self.config).to(ids.device)
            traced = self.network.trace(ids, lengths, selection, start)
            steps = [selection.steps_of(len(encodings[index])) for index in batch]
            traces.update(zip(batch, _texts(traced, steps), strict=True))
        return [traces[index] for index in range(len(encodings))]

    def _batches(self, encodings: Sequence[Encoding]) -> list[list[int]]:
        return batches_by_length([len(encoding) for encoding in encodings], BATCH_TOKENS)

    def _collate(self, encodings: Sequence[Encoding]) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.network.head.weight.device
        ids, lengths = collate([e.ids for e in encodings], self.config.pad_token_id)
        return ids.to(device), lengths.to(device)


def _texts(traced: NetworkTrace, steps: Sequence[range]) -> Iterator[Trace]:
    """A batch's texts, each with its own steps of all arrays, without copies."""
    probabilities = traced.logits.softmax(dim=-1).numpy(force=True)
    layers = [(layer, _numpy(layer.tensors), _numpy(layer.summaries)) for layer in traced.layers]
    scores = None if traced.step_scores is None else traced.step_scores.numpy(force=True)
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
            end=None if traced.end is None else traced.end.of(row),
        )


def _numpy(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}


def used_threads() -> int:
    """How many processor threads a prediction may use."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let a prediction use this many processor threads, from now on and in the whole process."""
    torch.set_num_threads(count)
