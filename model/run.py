"""TrainingRun: a supervised training run between two of its steps, and its checkpoint."""

import copy
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from model.adversarial import no_shift, worst_shift
from model.averaging import Average
from model.checkpoint import Checkpoint, seed_step
from model.classifier import Classifier
from model.collate import chunks, collate
from model.config import ModelConfig
from model.descent import Descent, autocast, check_finite, choose_device
from model.errors import TrainingError
from model.evaluate import Evaluation
from model.network import LSTMClassifier
from model.settings import TrainingSettings
from model.start import Start
from model.tokenizer import Tokenizer

# Batches that are sorted by length together: little padding, and still a different mix each epoch.
WINDOW_BATCHES = 50

# The fields of a run that change as it goes on, beside its network and its optimizer.
_PROGRESS = ("step", "epoch", "best_accuracy", "best_epoch", "best_weights")


@dataclass(frozen=True)
class StepReport:
    """Where a run stands; loss and accuracy are those of the epoch so far."""

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    tokens: int  # trained on by this process, since it began
    seconds: float  # since then


@dataclass
class TrainingRun:
    """A training run between two of its steps: everything that a checkpoint has to hold.

    ``ids`` are the token ids of each text, ``targets`` (texts,) their label ids.
    """

    settings: TrainingSettings
    config: ModelConfig
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    targets: Tensor
    checkpoint: Checkpoint
    start: Start | None = None

    step: int = 0
    epoch: int = 0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    tokens: int = 0  # of this process only

    def __post_init__(self) -> None:
        settings = self.settings
        self.began = time.monotonic()
        self.device = choose_device(settings.device)
        torch.manual_seed(settings.seed)
        network = LSTMClassifier(
            self.config, dropout=settings.dropout, embedding_dropout=settings.embedding_dropout
        )
        known = self.start.lay(network, self.tokenizer) if self.start else ""
        self._known = f", {known}" if known else ""
        self.network = network.to(self.device)
        self.average = Average(self.network, settings.averaging) if settings.averaging else None
        # The network that is judged and kept.
        self.learned = self.average.network if self.average else self.network
        self.descent = Descent(
            _groups(self.network, settings.learning_rate, settings.layer_decay),
            settings.weight_decay,
            self.steps,
        )

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return math.ceil(len(self.ids) / self.settings.batch_size)

    @property
    def steps(self) -> int:
        """The number of steps in the whole run, if it is not stopped early."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def epochs_since_best(self) -> int:
        """How many epochs have gone by since the best one."""
        return self.epoch - self.best_epoch

    def describe(self) -> str:
        """What is trained on what, and from where."""
        resumed = f", continued at step {self.step:,}" if self.step else ""
        return (
            f"{len(self.ids):,} texts, {len(self.config.labels)} labels, "
            f"{self.config.vocab_size:,} tokens in the vocabulary{self._known}, "
            f"on {self.device}{resumed}"
        )

    def classifier(self) -> Classifier:
        """The classifier as the run has it now."""
        return Classifier(self.config, self.learned.eval(), self.tokenizer)

    def best_classifier(self) -> Classifier:
        """The best epoch's weights, rounded as they will be stored: so what is measured is kept."""
        rounded = {name: tensor.half().float() for name, tensor in self.best_weights.items()}
        if not all(tensor.isfinite().all() for tensor in rounded.values()):
            raise TrainingError(
                "The weights are too large to be stored in half precision: "
                "lower the learning rate, and choose another directory."
            )
        self.learned.load_state_dict(rounded)
        return self.classifier()

    def train_epoch(self, on_step: Callable[[StepReport], None]) -> tuple[float, float]:
        """Train to the end of the epoch, from wherever it stands: (loss, accuracy)."""
        self.network.train()
        loss_sum = correct = texts = 0.0
        done = self.step - self.epoch * self.steps_per_epoch
        for batch in self._batches()[done:]:
            loss, hits = self._train_step(batch)
            loss_sum, correct, texts = loss_sum + loss, correct + hits, texts + len(batch)
            on_step(
                StepReport(
                    self.step,
                    self.steps,
                    self.epoch + 1,
                    loss_sum / texts,
                    correct / texts,
                    self.tokens,
                    time.monotonic() - self.began,
                )
            )
            if self.checkpoint.due:
                self.save()
        return loss_sum / max(texts, 1), correct / max(texts, 1)

    def _train_step(self, batch: list[int]) -> tuple[float, int]:
        """One step on a batch: the sum of its losses, and how many of its texts were right."""
        ids, lengths = collate([self.ids[index] for index in batch], self.config.pad_token_id)
        ids, lengths = ids.to(self.device), lengths.to(self.device)
        targets = self.targets[batch].to(self.device)
        share = self.settings.adversarial
        if share:
            embedded = self.network.embedding(ids.T).detach()
            shift = no_shift(embedded)
            loss, logits = self._backward(ids, lengths, targets, shift)
            if shift.grad is not None:
                self._backward(ids, lengths, targets, worst_shift(embedded, shift.grad, share))
        else:
            loss, logits = self._backward(ids, lengths, targets)
        self.descent.step()
        self.step += 1
        if self.average:
            self.average.add(self.network, self.step)
        self.tokens += int(lengths.sum())
        hits = int((logits.argmax(dim=-1) == targets).sum())
        return loss * len(batch), hits

    def _backward(
        self, ids: Tensor, lengths: Tensor, targets: Tensor, shift: Tensor | None = None
    ) -> tuple[float, Tensor]:
        """Add to the gradients those of a batch, shifted or not: its mean loss, and logits.

        A batch that is read twice, as it is and shifted, counts half each time.
        """
        # Again for the shifted batch, which so meets the same dropout as the gradient that it is
        # shifted by.
        seed_step(self.settings.seed, self.step)
        with autocast(self.device, self.settings.precision):
            logits: Tensor = self.network(ids, lengths, shift)
        loss = functional.cross_entropy(logits.float(), targets)
        check_finite(loss, self.step)
        (loss if shift is None else loss / 2).backward()  # type: ignore[no-untyped-call]
        return loss.item(), logits

    def _batches(self) -> list[list[int]]:
        """The epoch's batches, the same whenever they are asked for."""
        rng = random.Random(f"{self.settings.seed} {self.epoch}")  # noqa: S311 - not a secret
        order = rng.sample(range(len(self.ids)), len(self.ids))
        size = self.settings.batch_size
        batches = []
        for window in chunks(order, size * WINDOW_BATCHES):
            window.sort(key=lambda index: len(self.ids[index]))
            batches += list(chunks(window, size))
        rng.shuffle(batches)
        return batches

    def finish_epoch(self, evaluation: Evaluation | None) -> bool:
        """Count the epoch; keep its weights if they are the best yet on held-out examples."""
        self.epoch += 1
        best = evaluation is None or evaluation.accuracy > self.best_accuracy
        if best:
            self.best_accuracy = evaluation.accuracy if evaluation else 0.0
            self.best_epoch = self.epoch
            self.best_weights = copy.deepcopy(self.learned.state_dict())
        return best

    def save(self) -> None:
        """Write a checkpoint. Raises OSError."""
        self.checkpoint.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict() if self.average else None,
                "descent": self.descent.state_dict(),
                **{name: getattr(self, name) for name in _PROGRESS},
            }
        )

    def resume(self) -> None:
        """Continue from the checkpoint, if there is one."""
        state = self.checkpoint.load(self.device)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        if self.average:
            self.average.network.load_state_dict(state["average"])
        self.descent.load_state_dict(state["descent"])
        for name in _PROGRESS:
            setattr(self, name, state[name])


def _groups(
    network: LSTMClassifier, rate: float, decay: float
) -> list[tuple[list[nn.Parameter], float]]:
    """Each layer's parameters and learning rate, from the head down to the embedding.

    Lower layers know what more tasks share, and are changed less (Howard & Ruder, 2018).
    """
    named = list(network.recurrent.named_parameters())
    layers = [
        [parameter for name, parameter in named if name.removesuffix("_reverse").endswith(f"_l{n}")]
        for n in reversed(range(network.config.num_layers))
    ]
    ordered = [list(network.head.parameters()), *layers, list(network.embedding.parameters())]
    return [(parameters, rate * decay**depth) for depth, parameters in enumerate(ordered)]
