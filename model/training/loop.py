"""The training loop: epochs of steps with checkpoints between them, the same for every run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import nn

from conveyor.model import interruption
from conveyor.model.interruption import Interrupted
from conveyor.model.training.callbacks import Callbacks, Epoch, StepReport
from conveyor.model.training.checkpoint import Checkpoint
from conveyor.model.training.optimizer import Optimizer
from conveyor.model.training.settings import PretrainingSettings, TrainingSettings

Batch = TypeVar("Batch")


@dataclass
class Means:
    """The means over so many texts, or windows of texts, of which some are classified right."""

    loss_sum: float = 0.0
    count: int = 0
    correct: int | None = None

    def add(self, loss: float, count: int, correct: int | None = None) -> None:
        """Count in a step: its mean loss over ``count`` texts, ``correct`` of them right."""
        self.loss_sum += loss * count
        self.count += count
        if correct is not None:
            self.correct = (self.correct or 0) + correct

    @property
    def loss(self) -> float:
        """The mean loss; 0 before the first step."""
        return self.loss_sum / max(self.count, 1)

    @property
    def accuracy(self) -> float | None:
        """The share of texts that are classified right; None where there are no labels."""
        return None if self.correct is None else self.correct / self.count


@dataclass(kw_only=True)
class Run(ABC, Generic[Batch]):
    """A run between two of its steps: everything that a checkpoint has to hold.

    ``progress`` names the attributes that change as it goes on, beside network and optimizer;
    ``tokens`` are those that this process has read.
    """

    progress: ClassVar[tuple[str, ...]]

    settings: TrainingSettings | PretrainingSettings
    checkpoint: Checkpoint
    step: int = 0
    epoch: int = 0
    tokens: int = 0
    device: torch.device = field(init=False)
    network: nn.Module = field(init=False)
    optimizer: Optimizer = field(init=False)
    began: float = field(init=False, default_factory=time.monotonic)

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch."""

    @property
    def steps(self) -> int:
        """The number of steps in the whole run, if it does not end early."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def finished(self) -> bool:
        """True if no epoch is left."""
        return self.epoch >= self.settings.epochs

    @abstractmethod
    def describe(self) -> str:
        """Tell what is learned from what, and from where."""

    @abstractmethod
    def begin_epoch(self) -> Iterable[Batch]:
        """Prepare for an epoch; return what each of the steps that it still has reads."""

    @abstractmethod
    def backward(self, batch: Batch, means: Means) -> None:
        """Add the gradients of a batch, and count in its loss.

        Raises TrainingError for a loss that is no number.
        """

    def train_epoch(self, on_step: Callable[[StepReport], None]) -> Means:
        """Train to the end of the epoch, from wherever it stands; return the means over it."""
        self.network.train()
        means = Means()
        for batch in self.begin_epoch():
            self.backward(batch, means)
            self.update()
            on_step(
                StepReport(
                    self.step,
                    self.steps,
                    self.epoch + 1,
                    means.loss,
                    means.accuracy,
                    self.tokens,
                    time.monotonic() - self.began,
                )
            )
            interruption.check()
            if self.checkpoint.due:
                self.save()
        return means

    def update(self) -> None:
        """Change the weights by the gradients, and count the step."""
        self.optimizer.step()
        self.step += 1

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "network": self.network.state_dict(),
            "descent": self.optimizer.state_dict(),  # as in checkpoints of earlier versions
            **{name: getattr(self, name) for name in self.progress},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["descent"])
        for name in self.progress:
            setattr(self, name, state[name])

    def save(self) -> None:
        """Write a checkpoint. Raises OSError."""
        self.checkpoint.save(self.state())

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Raises TrainingError for a broken one."""
        state = self.checkpoint.load(self.device)
        if state is not None:
            self.load_state(state)


def run_epochs(
    run: Run[Any], end_epoch: Callable[[Means], Epoch], callbacks: Callbacks[Epoch]
) -> Epoch | None:
    """Train epoch after epoch, from the last checkpoint on; return the report of the last one.

    ``end_epoch`` evaluates, saves and counts an epoch that has been trained, and reports on it.
    Raises Interrupted, once a checkpoint is saved.
    """
    run.resume()
    callbacks.on_start(run.describe())
    report = None
    try:
        while not run.finished:
            report = end_epoch(run.train_epoch(callbacks.on_step))
            callbacks.on_epoch(report)
    except Interrupted:
        run.save()
        raise
    return report
