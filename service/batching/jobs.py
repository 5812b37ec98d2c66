"""The kinds of work there are: tokenizing, predicting and tracing, each with its own batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model.inference.classifier import Classifier, Trace
from model.inference.continuous_batching import Reader
from model.network.selection import Selection
from model.network.spans import LENGTHS
from model.network.state import State
from model.text.batching import BATCH_TOKENS, padding
from model.text.tokenizer import Encoding
from model.text.truncation import truncate
from model.types import Floats
from service.batching.batcher import SingleStepBatch, StepResult

# A text costs as much as its tokens, and at least as much as the shortest span that is read.
LEAST_COST = min(LENGTHS)


class NotFinite(Exception):
    """The network's answer for a text is not a number."""


def cost(encoding: Encoding) -> int:
    """What a text costs the model."""
    return max(len(encoding), LEAST_COST)


@dataclass(frozen=True)
class Tokenizing:
    """Texts become their last so many tokens (`text.truncation`), with or without their places."""

    classifier: Classifier = field(compare=False)
    count: int
    offsets: bool
    name: str = "tokenize"

    def begin(self) -> SingleStepBatch[str]:
        """An empty batch."""
        return SingleStepBatch(self._run)

    def _run(self, texts: Sequence[str]) -> StepResult:
        read = truncate(self.classifier.tokenizer, texts, self.count, offsets=self.offsets)
        return StepResult(dict(enumerate(read)))


@dataclass(frozen=True)
class Predicting:
    """Encodings become probabilities; texts join and leave between two spans of steps."""

    classifier: Classifier = field(compare=False)
    name: str = "predict"

    def begin(self) -> "Predictions":
        """An empty batch."""
        return Predictions(self.classifier.reader())


class Predictions:
    """A batch of texts that are being predicted."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __len__(self) -> int:
        return len(self._reader)

    def add(self, works: Sequence[tuple[int, Encoding]]) -> None:
        """Begin to read these."""
        self._reader.add([(number, encoding.ids) for number, encoding in works])

    def prepare(self) -> None:
        """Do what comes before the kernel."""
        self._reader.prepare()

    def step(self) -> StepResult:
        """Read on."""
        step = self._reader.step()
        finished = {number: _checked(row, row) for number, row in step.finished}
        return StepResult(finished, step.tokens, step.padding)


@dataclass(frozen=True)
class Tracing:
    """Encodings become traces, from wherever a text before has ended."""

    classifier: Classifier = field(compare=False)
    selection: Selection
    name: str = "states"

    def begin(self) -> SingleStepBatch[tuple[Encoding, State | None]]:
        """An empty batch."""
        return SingleStepBatch(self._run)

    def _run(self, works: Sequence[tuple[Encoding, State | None]]) -> StepResult:
        encodings = [encoding for encoding, _ in works]
        starts = [start for _, start in works]
        begun = starts if any(start is not None for start in starts) else None
        traces = self.classifier.trace(encodings, self.selection, begun)
        finished = {n: _checked(trace, trace.probabilities) for n, trace in enumerate(traces)}
        lengths = [len(encoding) for encoding in encodings]
        return StepResult(finished, sum(lengths), padding(lengths, BATCH_TOKENS))


def _checked(result: Trace | Floats, probabilities: Floats) -> Trace | Floats | NotFinite:
    if np.isfinite(probabilities).all():
        return result
    return NotFinite("The probabilities are not finite.")
