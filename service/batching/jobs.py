"""The kinds of jobs there are: tokenizing, predicting and tracing, each with its own batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from conveyor.model.arrays import Floats
from conveyor.model.inference.classifier import Classifier, Trace
from conveyor.model.inference.continuous_batching import Reader
from conveyor.model.network.selection import Selection
from conveyor.model.network.spans import LENGTHS
from conveyor.model.network.state import State
from conveyor.model.text.batching import BATCH_TOKENS, padding
from conveyor.model.text.tokenizer import Encoding
from conveyor.model.text.truncation import truncate
from conveyor.service.batching.protocols import StepResult
from conveyor.service.batching.single_step import SingleStepBatch

# A text costs as much as its tokens, and at least as much as the shortest span that is read.
MIN_COST = min(LENGTHS)


class NotFinite(Exception):
    """The probabilities of a text are not finite."""


def cost(encoding: Encoding) -> int:
    """Count what a text costs the model, in tokens."""
    return max(len(encoding), MIN_COST)


@dataclass(frozen=True)
class Tokenizing:
    """Tokenizes the ends of texts, up to ``count`` tokens each, with offsets or without."""

    classifier: Classifier = field(compare=False)
    count: int
    offsets: bool
    name: str = "tokenize"

    def begin(self) -> SingleStepBatch[str]:
        """Make an empty batch."""
        return SingleStepBatch(self._run)

    def _run(self, texts: Sequence[str]) -> StepResult:
        read = truncate(self.classifier.tokenizer, texts, self.count, offsets=self.offsets)
        return StepResult(dict(enumerate(read)))


@dataclass(frozen=True)
class Predicting:
    """Predicts probabilities from encodings; texts join and leave between two spans of steps."""

    classifier: Classifier = field(compare=False)
    name: str = "predict"

    def begin(self) -> "Predictions":
        """Make an empty batch."""
        return Predictions(self.classifier.reader())


class Predictions:
    """A batch of texts that are being predicted."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __len__(self) -> int:
        return len(self._reader)

    def add(self, jobs: Sequence[tuple[int, Encoding]]) -> None:
        """Begin to read these encodings."""
        self._reader.add([(number, encoding.ids) for number, encoding in jobs])

    def prepare(self) -> None:
        """Do what comes before the kernel."""
        self._reader.prepare()

    def step(self) -> StepResult:
        """Read all texts on by a span of steps."""
        step = self._reader.step()
        finished = {number: _checked(row, row) for number, row in step.finished}
        return StepResult(finished, step.tokens, step.padding)


@dataclass(frozen=True)
class Tracing:
    """Traces encodings, from the states in which the texts before have ended."""

    classifier: Classifier = field(compare=False)
    selection: Selection
    name: str = "states"

    def begin(self) -> SingleStepBatch[tuple[Encoding, State | None]]:
        """Make an empty batch."""
        return SingleStepBatch(self._run)

    def _run(self, jobs: Sequence[tuple[Encoding, State | None]]) -> StepResult:
        encodings = [encoding for encoding, _ in jobs]
        starts = [start for _, start in jobs]
        begun = starts if any(start is not None for start in starts) else None
        traces = self.classifier.trace(encodings, self.selection, begun)
        finished = {n: _checked(trace, trace.probabilities) for n, trace in enumerate(traces)}
        lengths = [len(encoding) for encoding in encodings]
        return StepResult(finished, sum(lengths), padding(lengths, BATCH_TOKENS))


def _checked(result: Trace | Floats, probabilities: Floats) -> Trace | Floats | NotFinite:
    if np.isfinite(probabilities).all():
        return result
    return NotFinite("The probabilities are not finite.")
