"""Supervised training: labelled texts in, a model directory out.

A run is decided by its settings, its data and its seed alone. It writes checkpoints as it goes; the
same command, run again after an interruption, continues where the last checkpoint stands and ends
with the result of an undisturbed run.
"""

import copy
import hashlib
import io
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from model import artifact
from model.card import model_card
from model.classifier import Classifier
from model.collate import collate
from model.config import MIN_LABELS, ModelConfig, Pooling
from model.data import Example
from model.errors import TrainingError
from model.evaluate import Evaluation, evaluate, label_ids
from model.lstm import LSTMClassifier
from model.tokenizer import PAD_ID, UNK_ID, Tokenizer, TokenizerKind

T = TypeVar("T")

CHECKPOINT_SECONDS = 60.0
# Batches that are sorted by length together: little padding, and still a different mix each epoch.
WINDOW_BATCHES = 50
CLIP_NORM = 1.0
# Encodings hold the places of all tokens: hundreds of bytes a token, which training does not need.
ENCODE_AT_ONCE = 1000
GOLDEN_TOKENS = 20
# Share of the steps in which one-cycle's learning rate rises (Smith & Topin, 2018).
WARM_UP = 0.25
# A cycle needs a step to rise and one to fall; a run of fewer steps does not reach its end.
SHORTEST_CYCLE = 8


class TrainingSettings(BaseModel):
    """All that decides a run beside its data; the defaults suit a few thousand texts and more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokenizer: TokenizerKind = Field(
        "word",
        description="word: a token a word, and a character in scripts without spaces; rare words "
        "are unknown. bpe: pieces of words; nothing is unknown.",
    )
    vocab_size: int = Field(30_000, ge=300, description="Most entries in the vocabulary.")
    embedding_dim: PositiveInt = Field(
        128, description="Numbers for each token, the input x of the first layer."
    )
    hidden_size: PositiveInt = Field(256, description="Units of the state, in each direction.")
    num_layers: PositiveInt = Field(1, description="LSTM layers, one on top of the other.")
    bidirectional: bool = Field(False, description="Whether to read from both ends.")
    pooling: Pooling = Field(
        "concat",
        description="From the states of all steps to one: the last, the largest, the mean, or all "
        "three side by side.",
    )
    train_tokens: PositiveInt = Field(
        400, description="In training, longer texts keep only their last tokens, this many."
    )
    max_tokens: PositiveInt = Field(
        4096, description="Longest text, in tokens, that the finished model reads."
    )
    epochs: PositiveInt = Field(
        8, description="Most passes over the texts; the learning rate falls to 0 towards the last."
    )
    patience: PositiveInt = Field(
        3, description="Epochs without a better one on held-out texts that end the run early."
    )
    batch_size: PositiveInt = Field(32, description="Texts in one step.")
    learning_rate: PositiveFloat = Field(2e-3, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decay of the weights.")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="Dropout between layers and before the head."
    )
    embedding_dropout: float = Field(
        0.3, ge=0, lt=1, description="Dropout of the embeddings, the same at every step of a text."
    )
    validation_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the data to hold out where no --validation-data are given. Held-out "
        "texts choose the best epoch; with 0, all epochs are run and the last one is kept.",
    )
    seed: NonNegativeInt = Field(0, description="Same seed, data and settings: same model.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto takes a GPU where there is one."
    )


@dataclass(frozen=True)
class StepReport:
    """Where a run stands; loss and accuracy are those of the epoch so far."""

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    tokens: int  # trained on by this process, since it began


@dataclass(frozen=True)
class EpochReport:
    """What an epoch brought; validation is None where nothing was held out."""

    epoch: int
    loss: float
    accuracy: float
    validation: Evaluation | None
    best: bool


@dataclass
class Watcher:
    """Whom a run tells how it goes."""

    on_start: Callable[[str], None] = lambda _: None
    on_step: Callable[[StepReport], None] = lambda _: None
    on_epoch: Callable[[EpochReport], None] = lambda _: None


def split(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Hold out a share of each label's examples, but never all of them: (train, validation)."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    train: list[Example] = []
    validation: list[Example] = []
    rng = random.Random(seed)  # noqa: S311 - a split, not a secret
    for label in sorted(by_label):
        group = rng.sample(by_label[label], len(by_label[label]))
        held_out = round(fraction * len(group))
        validation += group[:held_out]
        train += group[held_out:]
    return train, validation


def train(
    examples: Sequence[Example],
    settings: TrainingSettings,
    directory: Path,
    *,
    validation: Sequence[Example] = (),
    label_aliases: dict[str, str] | None = None,
    about: str = "",
    watcher: Watcher | None = None,
) -> Evaluation | None:
    """Train a classifier and write it to ``directory``; return how it does on held-out examples.

    Without ``validation``, ``settings.validation_fraction`` of the examples is held out. With
    nothing held out, all epochs are run and the last weights are kept. ``label_aliases`` renames
    labels of the data; ``about`` names the data and the command for the model card.

    Raises TrainingError for settings or data that cannot be trained on, and OSError.
    """
    watcher = watcher or Watcher()
    if not validation:
        examples, validation = split(examples, settings.validation_fraction, settings.seed)
    aliases = label_aliases or {}
    missing = sorted(aliases.keys() - {example.label for example in examples})
    if missing:
        raise TrainingError(f"There is no label {missing[0]!r} to be renamed in the data.")
    labels = sorted({aliases.get(example.label, example.label) for example in examples})
    if len(labels) < MIN_LABELS:
        raise TrainingError(
            f"All texts have the label {labels[0]!r}: a classifier needs at least two labels."
        )
    run = _prepare(examples, labels, aliases, settings, directory)
    directory.mkdir(parents=True, exist_ok=True)  # now, and not after hours of training
    run.resume()
    watcher.on_start(run.describe())
    while run.epoch < settings.epochs and run.epochs_since_best < settings.patience:
        loss, accuracy = run.train_epoch(watcher.on_step)
        evaluation = evaluate(run.classifier(), validation) if validation else None
        best = run.finish_epoch(evaluation)
        watcher.on_epoch(EpochReport(run.epoch, loss, accuracy, evaluation, best))
        run.save()
    classifier = run.best_classifier()
    evaluation = evaluate(classifier, validation) if validation else None
    artifact.save(
        directory,
        classifier,
        # Not a text of the data, which may be nobody else's business.
        golden_text=" ".join(run.tokenizer.vocabulary_sample(GOLDEN_TOKENS)),
        card=model_card(directory.name, classifier.config, len(examples), evaluation, about),
        dtype=torch.float16,
    )
    run.forget()
    return evaluation


def choose_device(device: str) -> torch.device:
    """The device of a setting; "auto" is a GPU where there is one."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise TrainingError("There is no CUDA device here: choose the device cpu or auto.")
    return torch.device("cuda" if device != "cpu" and available else "cpu")


def _prepare(
    examples: Sequence[Example],
    labels: list[str],
    aliases: dict[str, str],
    settings: TrainingSettings,
    directory: Path,
) -> "_Run":
    texts = [example.text for example in examples]
    tokenizer = Tokenizer.train(texts, settings.tokenizer, settings.vocab_size)
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_dim=settings.embedding_dim,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        bidirectional=settings.bidirectional,
        pooling=settings.pooling,
        id2label=dict(enumerate(labels)),
        label_aliases=aliases,
        max_tokens=settings.max_tokens,
        pad_token_id=PAD_ID,
        unk_token_id=UNK_ID,
    )
    fingerprint = hashlib.sha256(settings.model_dump_json().encode())
    for example in examples:
        fingerprint.update(f"{example.label}\0{example.text}\0".encode(errors="surrogatepass"))
    return _Run(
        settings=settings,
        config=config,
        tokenizer=tokenizer,
        ids=[
            np.array(encoding.last(settings.train_tokens).ids, np.int32)
            for chunk in _chunks(texts, ENCODE_AT_ONCE)
            for encoding in tokenizer.encode(chunk)
        ],
        targets=torch.from_numpy(label_ids(examples, labels, aliases)),
        fingerprint=fingerprint.hexdigest(),
        path=directory / "checkpoint.pt",
    )


@dataclass
class _Run:
    """A training run between two of its steps: everything that a checkpoint has to hold."""

    settings: TrainingSettings
    config: ModelConfig
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]  # of each text
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
        return math.ceil(len(self.ids) / self.settings.batch_size)

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.settings.epochs

    @property
    def epochs_since_best(self) -> int:
        return self.epoch - self.best_epoch

    def describe(self) -> str:
        resumed = f", continued at step {self.step:,}" if self.step else ""
        return (
            f"{len(self.ids):,} texts, {len(self.config.labels)} labels, "
            f"{self.config.vocab_size:,} tokens in the vocabulary, on {self.device}{resumed}"
        )

    def classifier(self) -> Classifier:
        return Classifier(self.config, self.network.eval(), self.tokenizer)

    def best_classifier(self) -> Classifier:
        """The best epoch's weights, rounded as they will be stored: so what is measured is kept."""
        rounded = {name: tensor.half().float() for name, tensor in self.best_weights.items()}
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
        for window in _chunks(order, size * WINDOW_BATCHES):
            window.sort(key=lambda index: len(self.ids[index]))
            batches += list(_chunks(window, size))
        rng.shuffle(batches)
        return batches

    def finish_epoch(self, evaluation: Evaluation | None) -> bool:
        """Count the epoch; keep its weights if none were better on the held-out examples."""
        self.epoch += 1
        accuracy = evaluation.accuracy if evaluation else 0.0
        best = accuracy >= self.best_accuracy
        if best:
            self.best_accuracy, self.best_epoch = accuracy, self.epoch
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
        except Exception as error:  # noqa: BLE001 - torch raises many kinds for a broken file
            raise TrainingError(
                f"{self.path} cannot be read ({type(error).__name__}): delete it to start anew."
            ) from None
        if state["fingerprint"] != self.fingerprint:
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


_PROGRESS = ("step", "epoch", "best_accuracy", "best_epoch", "best_weights")


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _open_forget_gates(network: LSTMClassifier) -> None:
    """Start with forget gates that let through: a bias of 1 (Jozefowicz et al., 2015)."""
    hidden = network.config.hidden_size
    with torch.no_grad():
        for name, parameter in network.lstm.named_parameters():
            if name.startswith("bias_ih"):
                parameter[hidden : 2 * hidden] = 1.0
            elif name.startswith("bias_hh"):
                parameter[hidden : 2 * hidden] = 0.0
