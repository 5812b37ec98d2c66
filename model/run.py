"""TrainingRun: a supervised training run between two of its steps, and its checkpoint."""

import copy
import io
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model import artifact
from model.classifier import Classifier
from model.collate import chunks, collate
from model.config import ModelConfig
from model.errors import TrainingError
from model.evaluate import Evaluation
from model.network import LSTMClassifier
from model.settings import TrainingSettings
from model.tokenizer import Tokenizer

CHECKPOINT_SECONDS = 60.0
# Batches that are sorted by length together: little padding, and still a different mix each epoch.
WINDOW_BATCHES = 50
CLIP_NORM = 1.0
# Share of the steps in which one-cycle's learning rate rises (Smith & Topin, 2018).
WARM_UP = 0.25
# A cycle needs a step to rise and one to fall; a run of fewer steps does not reach its end.
SHORTEST_CYCLE = 8

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


def choose_device(device: str) -> torch.device:
    """The device of a setting; "auto" is a GPU where there is one."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise TrainingError("There is no CUDA device here: choose the device cpu or auto.")
    return torch.device("cuda" if device != "cpu" and available else "cpu")


@dataclass
class TrainingRun:
    """A training run between two of its steps: everything that a checkpoint has to hold.

    ``ids`` are the token ids of each text, ``targets`` (texts,) their label ids. ``fingerprint``
    tells settings and data apart from all others; ``path`` is where the checkpoint goes.
    """

    settings: TrainingSettings
    config: ModelConfig
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    targets: Tensor
    fingerprint: str
    path: Path

    step: int = 0
    epoch: int = 0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    tokens: int = 0  # of this process only

    def __post_init__(self) -> None:
        settings = self.settings
        self.device = choose_device(settings.device)
        torch.manual_seed(settings.seed)
        network = LSTMClassifier(
            self.config, dropout=settings.dropout, embedding_dropout=settings.embedding_dropout
        )
        _open_forget_gates(network)
        self.network = network.to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            settings.learning_rate,
            max(self.steps, SHORTEST_CYCLE),
            pct_start=WARM_UP,
        )
        self.saved_at = time.monotonic()

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
            f"{self.config.vocab_size:,} tokens in the vocabulary, on {self.device}{resumed}"
        )

    def classifier(self) -> Classifier:
        """The classifier as the run has it now."""
        return Classifier(self.config, self.network.eval(), self.tokenizer)

    def best_classifier(self) -> Classifier:
        """The best epoch's weights, rounded as they will be stored: so what is measured is kept."""
        rounded = {name: tensor.half().float() for name, tensor in self.best_weights.items()}
        if not all(tensor.isfinite().all() for tensor in rounded.values()):
            raise TrainingError(
                "The weights are too large to be stored in half precision: "
                "lower the learning rate, and choose another directory."
            )
        self.network.load_state_dict(rounded)
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
                )
            )
            if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self.save()
        return loss_sum / max(texts, 1), correct / max(texts, 1)

    def _train_step(self, batch: list[int]) -> tuple[float, int]:
        """One step on a batch: the sum of its losses, and how many of its texts were right."""
        # Seeded by the step, dropout needs no random state in the checkpoint to go on as it would.
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
        ids, lengths = collate([self.ids[index] for index in batch], self.config.pad_token_id)
        targets = self.targets[batch].to(self.device)
        logits = self.network(ids.to(self.device), lengths.to(self.device))
        loss = functional.cross_entropy(logits, targets)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is no longer a number at step {self.step}: lower the learning rate."
            )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        self.tokens += int(lengths.sum())
        hits = int((logits.argmax(dim=-1) == targets).sum())
        return loss.item() * len(batch), hits

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
            self.best_weights = copy.deepcopy(self.network.state_dict())
        return best

    def save(self) -> None:
        """Write a checkpoint. Raises OSError."""
        content = io.BytesIO()
        torch.save(self._state(), content)
        artifact.write(self.path, content.getvalue())
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Continue from the checkpoint, if there is one."""
        if not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location=self.device, weights_only=True)
            fingerprint = state["fingerprint"]
        except Exception as error:  # noqa: BLE001 - torch raises many kinds for a broken file
            raise TrainingError(
                f"{self.path} cannot be read ({type(error).__name__}): delete it to start anew."
            ) from None
        if fingerprint != self.fingerprint:
            raise TrainingError(
                f"{self.path} belongs to a run with other data or settings: choose another "
                "directory, or delete it to start anew."
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        for name in _PROGRESS:
            setattr(self, name, state[name])

    def _state(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            **{name: getattr(self, name) for name in _PROGRESS},
        }

    def forget(self) -> None:
        """Remove the checkpoint of a finished run."""
        self.path.unlink(missing_ok=True)


def _open_forget_gates(network: LSTMClassifier) -> None:
    """Start with forget gates that let through: a bias of 1 (Jozefowicz et al., 2015)."""
    hidden = network.config.hidden_size
    with torch.no_grad():
        for name, parameter in network.lstm.named_parameters():
            if name.startswith("bias_ih"):
                parameter[hidden : 2 * hidden] = 1.0
            elif name.startswith("bias_hh"):
                parameter[hidden : 2 * hidden] = 0.0
