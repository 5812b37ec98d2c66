"""TrainingRun: a supervised training run between two of its steps, and its checkpoint."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import interruption
from model.errors import TrainingError
from model.evaluation.metrics import Evaluation
from model.inference.classifier import Classifier
from model.network.classifier import LSTMClassifier
from model.network.config import ModelConfig
from model.text.batching import collate
from model.text.tokenizer import Tokenizer
from model.training.averaging import Average
from model.training.checkpoint import Checkpoint
from model.training.initialization import Initialization
from model.training.objective import Batch, learn_labels, learn_unlabelled
from model.training.optimizer import Optimizer, choose_device
from model.training.sampling import Batches
from model.training.settings import TrainingSettings

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

    ``ids`` are the token ids of each text, ``targets`` (texts, labels) what each should be taken
    for, as probabilities; ``unlabelled`` are the token ids of texts without labels.
    """

    settings: TrainingSettings
    config: ModelConfig
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    targets: Tensor
    checkpoint: Checkpoint
    start: Initialization | None = None
    unlabelled: list[NDArray[np.int32]] = field(default_factory=list)

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
        size, seed = settings.batch_size, str(settings.seed)
        self.batches = Batches([len(text) for text in self.ids], size, seed)
        self.unlabelled_batches = Batches(
            [len(text) for text in self.unlabelled], size, f"{seed} unlabelled"
        )
        torch.manual_seed(settings.seed)
        network = LSTMClassifier(
            self.config, dropout=settings.dropout, embedding_dropout=settings.embedding_dropout
        )
        known = self.start.load_into(network, self.tokenizer) if self.start else ""
        self._known = f", {known}" if known else ""
        self.network = network.to(self.device)
        self.average = Average(self.network, settings.averaging) if settings.averaging else None
        # The network that is judged and kept.
        self.learned = self.average.network if self.average else self.network
        self.layers = _layers(self.network)
        self.descent = Optimizer(
            # Lower layers know what more tasks share, and are changed less (Howard & Ruder, 2018).
            [
                (layer, settings.learning_rate * settings.layer_decay**depth)
                for depth, layer in enumerate(self.layers)
            ],
            settings.weight_decay,
            self.steps,
        )

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return self.batches.count

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
        more = f" and {len(self.unlabelled):,} without labels" if self.unlabelled else ""
        return (
            f"{len(self.ids):,} texts{more}, {len(self.config.labels)} labels, "
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
        if self.settings.gradual_unfreezing:
            self._unfreeze()
        loss_sum = correct = texts = 0.0
        while self.step < (self.epoch + 1) * self.steps_per_epoch:
            indices = self.batches.at(self.step)
            loss, hits = self._train_step(indices)
            loss_sum += loss * len(indices)
            correct, texts = correct + hits, texts + len(indices)
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
            interruption.check()
            if self.checkpoint.due:
                self.save()
        return loss_sum / max(texts, 1), correct / max(texts, 1)

    def _unfreeze(self) -> None:
        """Let the epoch's layers learn: one more from the top in each (Howard & Ruder, 2018).

        The others get no gradients, and so AdamW neither moves them nor lets them decay.
        """
        for depth, layer in enumerate(self.layers):
            for parameter in layer:
                parameter.requires_grad_(depth <= self.epoch)

    def _train_step(self, indices: list[int]) -> tuple[float, int]:
        """One step on these texts: their mean loss, and how many of them were right."""
        targets = self.targets[indices].to(self.device)
        loss, logits = learn_labels(
            self._batch(self.ids, indices), targets, self.settings.adversarial
        )
        if self.unlabelled:
            learn_unlabelled(
                self._batch(self.unlabelled, self.unlabelled_batches.at(self.step)),
                self.settings.virtual_adversarial,
                self.settings.entropy,
            )
        self.descent.step()
        self.step += 1
        if self.average:
            self.average.add(self.network, self.step)
        return loss, int((logits.argmax(dim=-1) == targets.argmax(dim=-1)).sum())

    def _batch(self, texts: list[NDArray[np.int32]], indices: list[int]) -> Batch:
        ids, lengths = collate([texts[index] for index in indices], self.config.pad_token_id)
        self.tokens += int(lengths.sum())
        return Batch(
            self.network,
            ids.to(self.device),
            lengths.to(self.device),
            self.settings.precision,
            self.settings.seed,
            self.step,
        )

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


def _layers(network: LSTMClassifier) -> list[list[nn.Parameter]]:
    """Each layer's parameters, from the head down to the embedding."""
    named = list(network.recurrent.named_parameters())
    recurrent = [
        [parameter for name, parameter in named if name.removesuffix("_reverse").endswith(f"_l{n}")]
        for n in reversed(range(network.config.num_layers))
    ]
    return [list(network.head.parameters()), *recurrent, list(network.embedding.parameters())]
