"""Classifier: the one object that predicts, traces, and is served."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.collate import batches_by_length, collate
from model.config import ModelConfig
from model.lstm import LSTMClassifier
from model.tokenizer import Encoding, Tokenizer

Floats = NDArray[np.float32]

# Large enough to keep the matrix products busy, small enough for tens of megabytes of activations.
BATCH_TOKENS = 8192


@dataclass(frozen=True)
class LayerStates:
    """The states (T, H) of one layer and direction after each token of a text."""

    layer: int
    direction: str
    hidden: Floats
    cell: Floats


@dataclass(frozen=True)
class Trace:
    """What happened inside the network while it read one text."""

    probabilities: Floats  # (labels,)
    layers: list[LayerStates]


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

    def trace(self, encodings: Sequence[Encoding]) -> list[Trace]:
        """What `predict` gives, and all states on the way, in the order of the texts."""
        traces: dict[int, Trace] = {}
        for batch in self._batches(encodings):
            ids, lengths = self._collate([encodings[index] for index in batch])
            with torch.inference_mode():
                logits, layers = self.network.trace(ids, lengths)
            probabilities = logits.softmax(dim=-1).numpy(force=True)
            for row, index in enumerate(batch):
                steps = len(encodings[index])
                states = [
                    LayerStates(
                        layer.layer,
                        layer.direction,
                        layer.tensors.hidden[row, :steps].contiguous().numpy(force=True),
                        layer.tensors.cell[row, :steps].contiguous().numpy(force=True),
                    )
                    for layer in layers
                ]
                traces[index] = Trace(probabilities[row], states)
        return [traces[index] for index in range(len(encodings))]

    def _batches(self, encodings: Sequence[Encoding]) -> list[list[int]]:
        return batches_by_length([len(encoding) for encoding in encodings], BATCH_TOKENS)

    def _collate(self, encodings: Sequence[Encoding]) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.network.head.weight.device
        ids, lengths = collate([e.ids for e in encodings], self.config.pad_token_id)
        return ids.to(device), lengths.to(device)


def used_threads() -> int:
    """How many processor threads a prediction may use."""
    return torch.get_num_threads()


def use_threads(count: int) -> None:
    """Let a prediction use this many processor threads, from now on and in the whole process."""
    torch.set_num_threads(count)
