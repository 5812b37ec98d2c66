"""Callbacks: what a run calls as it goes, and the reports that it calls them with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from conveyor.model.evaluation.metrics import Evaluation


@dataclass(frozen=True)
class StepReport:
    """A step of a run; loss and accuracy are the means over the epoch so far.

    There is no accuracy where there are no labels. ``tokens`` have been read by this process, in
    ``seconds``, since it began.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float | None
    tokens: int
    seconds: float


@dataclass(frozen=True)
class EpochReport:
    """An epoch of a run, of so many at most, and its mean loss in training."""

    epoch: int
    epochs: int
    loss: float


@dataclass(frozen=True)
class TrainingEpoch(EpochReport):
    """An epoch of training a classifier; ``validation`` is None where nothing was held out.

    It is the ``best`` if enough held-out texts say so.
    """

    accuracy: float
    validation: Evaluation | None
    best: bool


@dataclass(frozen=True)
class PretrainingEpoch(EpochReport):
    """An epoch of pretraining, and the perplexity on held-out texts after it."""

    perplexity: float


Epoch = TypeVar("Epoch", bound=EpochReport)


@dataclass(frozen=True)
class Callbacks(Generic[Epoch]):
    """Functions that a run calls: with what it trains on, and after each step and epoch."""

    on_start: Callable[[str], None] = lambda _: None
    on_step: Callable[[StepReport], None] = lambda _: None
    on_epoch: Callable[[Epoch], None] = lambda _: None
