"""TrainingRun: the training of a classifier between two of its steps."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from conveyor.model.errors import TrainingError
from conveyor.model.evaluation.metrics import Evaluation
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.batching import collate
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.averaging import averaged_model, set_steps
from conveyor.model.training.initialization import Initialization
from conveyor.model.training.loop import Means, Run
from conveyor.model.training.mixtures import Mixtures
from conveyor.model.training.objective import Batch, learn_answers, learn_labels, learn_unlabelled
from conveyor.model.training.optimizer import Optimizer, choose_device
from conveyor.model.training.sampling import Batches
from conveyor.model.training.settings import TrainingSettings

# Fewer held-out texts than this choose an epoch by chance, and seldom the last, which has learned
# most: the learning rate has fallen to 0, and the average is of settled weights.
FEWEST_JUDGES = 100


@dataclass(kw_only=True)
class TrainingRun(Run[list[int]]):
    """The training of a classifier between two of its steps.

    ``ids`` are the token ids of each text, ``targets`` (texts, labels) what each should be taken
    for, as probabilities; ``unlabelled`` are the token ids of texts without labels, and
    ``mixtures`` are learned beside the texts.
    """

    progress = ("step", "epoch", "best_loss", "best_epoch", "best_weights")

    settings: TrainingSettings
    config: ModelConfig
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    targets: Tensor
    initialization: Initialization | None = None
    unlabelled: list[NDArray[np.int32]] = field(default_factory=list)
    mixtures: Mixtures | None = None

    network: LSTMClassifier = field(init=False)
    best_loss: float = math.inf
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        self.device = choose_device(settings.device)
        size, seed = settings.batch_size, str(settings.seed)
        self.batches = Batches([len(text) for text in self.ids], size, seed)
        self.unlabelled_batches = Batches(
            [len(text) for text in self.unlabelled], size, f"{seed} unlabelled"
        )
        self.network = self._initial_network().to(self.device)
        self.average = (
            averaged_model(self.network, settings.averaging) if settings.averaging else None
        )
        # The network that is evaluated and kept.
        self.learned = cast("LSTMClassifier", self.average.module) if self.average else self.network
        self.layers = _layers(self.network)
        self.optimizer = Optimizer(
            # Lower layers know what more tasks share, and are changed less (Howard & Ruder, 2018).
            [
                (layer, settings.learning_rate * settings.layer_decay**depth)
                for depth, layer in enumerate(self.layers)
            ],
            settings.weight_decay,
            self.steps,
        )

    def _initial_network(self) -> LSTMClassifier:
        settings = self.settings
        torch.manual_seed(settings.seed)
        network = LSTMClassifier(
            self.config, dropout=settings.dropout, embedding_dropout=settings.embedding_dropout
        )
        clause = ""
        if self.initialization:
            clause = self.initialization.load_into(network, self.tokenizer)
        self._initialized = f", {clause}" if clause else ""
        return network

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return self.batches.count

    @property
    def finished(self) -> bool:
        """True if no epoch is left, or the last ones brought nothing better."""
        return super().finished or self.epoch - self.best_epoch >= self.settings.patience

    def describe(self) -> str:
        """Tell what is trained on what, and from where."""
        resumed = f", continued at step {self.step:,}" if self.step else ""
        more = f" and {len(self.unlabelled):,} without labels" if self.unlabelled else ""
        return (
            f"{len(self.ids):,} texts{more}, {len(self.config.labels)} labels, "
            f"{self.config.vocab_size:,} tokens in the vocabulary{self._initialized}, "
            f"on {self.device}{resumed}"
        )

    def classifier(self) -> Classifier:
        """Return the classifier as the run has it now."""
        return Classifier(self.config, self.learned.eval(), self.tokenizer)

    def best_classifier(self) -> Classifier:
        """Return that of the best epoch, its weights rounded as they will be stored.

        So what is measured is kept. Raises TrainingError for weights that half precision cannot
        hold.
        """
        rounded = {name: tensor.half().float() for name, tensor in self.best_weights.items()}
        if not all(tensor.isfinite().all() for tensor in rounded.values()):
            raise TrainingError(
                "The weights are too large to be stored in half precision: "
                "lower the learning rate, and choose another directory."
            )
        self.learned.load_state_dict(rounded)
        return self.classifier()

    def begin_epoch(self) -> Iterator[list[int]]:
        """Let the epoch's layers learn; yield the indices of the texts of each step."""
        if self.settings.gradual_unfreezing:
            self._unfreeze()
        while self.step < (self.epoch + 1) * self.steps_per_epoch:
            yield self.batches.at(self.step)

    def _unfreeze(self) -> None:
        """Let one more layer from the top learn in each epoch (Howard & Ruder, 2018).

        The others get no gradients, and so AdamW neither moves them nor lets them decay.
        """
        for depth, layer in enumerate(self.layers):
            for parameter in layer:
                parameter.requires_grad_(depth <= self.epoch)

    def backward(self, batch: list[int], means: Means) -> None:
        """Add the gradients of the texts of these indices, and of as many without labels."""
        targets = self.targets[batch].to(self.device)
        loss, logits = learn_labels(
            self._batch(_chosen(self.ids, batch)), targets, self.settings.adversarial
        )
        if self.mixtures:
            mixed, answers = self.mixtures.at(self.step)
            learn_answers(self._batch(mixed), answers.to(self.device), self.settings.ngrams)
        if self.unlabelled:
            learn_unlabelled(
                self._batch(_chosen(self.unlabelled, self.unlabelled_batches.at(self.step))),
                self.settings.virtual_adversarial,
                self.settings.entropy,
            )
        correct = int((logits.argmax(dim=-1) == targets.argmax(dim=-1)).sum())
        means.add(loss, len(batch), correct)

    def update(self) -> None:
        """Change the weights and their average by the gradients, and count the step."""
        super().update()
        if self.average:
            self.average.update_parameters(self.network)

    def _batch(self, texts: list[NDArray[np.int32]]) -> Batch:
        ids, lengths = collate(texts, self.config.pad_token_id)
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
        """Count the epoch; keep its weights if they are the best yet, and tell if that was judged.

        By the loss: among few held-out texts, the accuracy is the same for many weights, such as
        those that always say the most frequent label. Very few judge nothing: the last is kept.
        """
        self.epoch += 1
        loss = evaluation.loss if evaluation else math.inf
        few = evaluation is None or evaluation.texts < FEWEST_JUDGES
        best = few or loss < self.best_loss
        if best:
            self.best_loss = loss
            self.best_epoch = self.epoch
            self.best_weights = copy.deepcopy(self.learned.state_dict())
        return best and not few

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        average = self.learned.state_dict() if self.average else None
        return {**super().state(), "average": average}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        super().load_state(state)
        if self.average:
            self.learned.load_state_dict(state["average"])
            set_steps(self.average, self.step)


def _chosen(texts: list[NDArray[np.int32]], indices: list[int]) -> list[NDArray[np.int32]]:
    return [texts[index] for index in indices]


def _layers(network: LSTMClassifier) -> list[list[nn.Parameter]]:
    """List each layer's parameters, from the head down to the embedding."""
    named = list(network.recurrent.named_parameters())
    recurrent = [
        [parameter for name, parameter in named if name.removesuffix("_reverse").endswith(f"_l{n}")]
        for n in reversed(range(network.config.num_layers))
    ]
    return [list(network.head.parameters()), *recurrent, list(network.embedding.parameters())]
