"""Pretraining: texts in, a language model's directory out, for classifiers to start from.

As a training run, it is decided by its settings and its texts alone, writes checkpoints as it goes,
and is continued by the same command.
"""

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model import interruption
from model.artifact import language_model
from model.artifact.card import front_matter
from model.artifact.language_model import PretrainedLanguageModel
from model.errors import TrainingError
from model.files import name_of
from model.interruption import Interrupted
from model.network.config import LanguageModelConfig
from model.network.language_model import (
    Ends,
    LanguageModel,
    draw,
    log_frequencies,
    perplexity,
)
from model.text.tokenizer import Tokenizer
from model.training.checkpoint import CHECKPOINT, Checkpoint, seed_step
from model.training.initialization import settings_from
from model.training.optimizer import Optimizer, autocast, check_finite, choose_device
from model.training.settings import PretrainingSettings
from model.training.stream import rows, shuffled, stream, window_count, windows

# Held out to tell how well a language is learned: enough for two digits of the perplexity.
HELD_OUT_SHARE = 0.01
HELD_OUT_TOKENS = 200_000
# Negatives are drawn a little more evenly than tokens occur (Mikolov et al., 2013).
NEGATIVES_POWER = 0.75

_PROGRESS = ("step", "epoch", "ends")


@dataclass(frozen=True)
class PretrainingStep:
    """Where a pretraining stands; the loss is that of the epoch so far."""

    step: int
    steps: int
    epoch: int
    loss: float
    tokens: int  # read by this process, since it began
    seconds: float  # since then


@dataclass(frozen=True)
class PretrainingEpoch:
    """What an epoch brought: the mean loss in training, the perplexity on held-out texts."""

    epoch: int
    loss: float
    perplexity: float


@dataclass
class PretrainingWatcher:
    """Whom a pretraining tells how it goes."""

    on_start: Callable[[str], None] = lambda _: None
    on_step: Callable[[PretrainingStep], None] = lambda _: None
    on_epoch: Callable[[PretrainingEpoch], None] = lambda _: None


@dataclass
class PretrainingRun:
    """A pretraining between two of its steps: everything that a checkpoint has to hold.

    ``ids`` and ``held_out`` are the token ids of each text, in the order in which they are read.
    """

    settings: PretrainingSettings
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    held_out: list[NDArray[np.int32]]
    checkpoint: Checkpoint
    embedding_of: PretrainedLanguageModel | None = None
    start: PretrainedLanguageModel | None = None

    step: int = 0
    epoch: int = 0
    ends: Ends = field(default_factory=list)
    tokens: int = 0  # of this process only

    def __post_init__(self) -> None:
        settings = self.settings
        self.began = time.monotonic()
        self.device = choose_device(settings.device)
        torch.manual_seed(settings.seed)
        network = LanguageModel(
            self.tokenizer.vocab_size,
            settings.embedding_dim,
            settings.hidden_size,
            settings.num_layers,
            embedding_dropout=settings.embedding_dropout,
            output_dropout=settings.output_dropout,
            weight_dropout=settings.weight_dropout,
        )
        if self.start:
            network.load_state_dict(self.start.weights)
        if self.embedding_of:
            network.embedding.weight.data.copy_(self.embedding_of.weights["embedding.weight"])
            network.embedding.requires_grad_(False)
        self.network = network.to(self.device)
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        self.descent = Optimizer(
            [(learning, settings.learning_rate)], settings.weight_decay, self.steps
        )
        counts = np.bincount(self._stream(self.ids), minlength=self.tokenizer.vocab_size)
        self.log_frequencies = log_frequencies(torch.from_numpy(counts), NEGATIVES_POWER).to(
            self.device
        )

    @property
    def stream_length(self) -> int:
        """The number of tokens in an epoch, separators included."""
        return sum(map(len, self.ids)) + len(self.ids) + 1

    @property
    def steps_per_epoch(self) -> int:
        """The number of windows in an epoch."""
        return window_count(self.stream_length, self.settings.batch_size, self.settings.bptt)

    @property
    def steps(self) -> int:
        """The number of steps in the whole run."""
        return self.steps_per_epoch * self.settings.epochs

    def describe(self) -> str:
        """What is learned from what, and from where."""
        resumed = f", continued at step {self.step:,}" if self.step else ""
        return (
            f"{len(self.ids):,} texts of {self.stream_length:,} tokens, "
            f"{self.tokenizer.vocab_size:,} in the vocabulary, on {self.device}{resumed}"
        )

    def train_epoch(self, on_step: Callable[[PretrainingStep], None]) -> float:
        """Train to the end of the epoch, from wherever it stands: the mean loss."""
        self.network.train()
        order = shuffled(len(self.ids), self.settings.seed, self.epoch)
        tokens = self._rows(stream(self.ids, order), self.settings.batch_size)
        done = self.step - self.epoch * self.steps_per_epoch
        if done == 0:
            self.ends = self.network.start(tokens.shape[1])
        loss_sum, steps = 0.0, 0
        for window in list(windows(len(tokens) - 1, self.settings.bptt))[done:]:
            loss_sum, steps = loss_sum + self._train_step(tokens[window]), steps + 1
            on_step(
                PretrainingStep(
                    self.step,
                    self.steps,
                    self.epoch + 1,
                    loss_sum / steps,
                    self.tokens,
                    time.monotonic() - self.began,
                )
            )
            interruption.check()
            if self.checkpoint.due:
                self.save()
        return loss_sum / max(steps, 1)

    def _train_step(self, window: torch.Tensor) -> float:
        """One step on a window (T+1, B): its mean loss."""
        seed_step(self.settings.seed, self.step)
        drawn, log_expected = draw(self.log_frequencies, self.settings.negatives)
        with autocast(self.device, self.settings.precision):
            loss, self.ends = self.network.sampled_loss(
                window.long(), self.ends, drawn, log_expected
            )
        check_finite(loss, self.step)
        loss.backward()  # type: ignore[no-untyped-call]
        self.descent.step()
        self.step += 1
        self.tokens += window[1:].numel()
        return loss.item()

    def perplexity(self) -> float:
        """The perplexity on the held-out texts, over the whole vocabulary."""
        self.network.eval()
        joined = self._stream(self.held_out)
        # Few tokens are read in few rows: every row begins where nothing is known of its text.
        count = max(1, min(self.settings.batch_size, len(joined) // self.settings.bptt))
        tokens = self._rows(joined, count)
        ends = self.network.start(tokens.shape[1])
        losses = []
        for window in interruption.watched(windows(len(tokens) - 1, self.settings.bptt)):
            with autocast(self.device, self.settings.precision):
                loss, ends = self.network.full_loss(tokens[window].long(), ends)
            losses.append(loss)
        return perplexity(losses, tokens[1:].numel())

    def _stream(self, ids: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
        return stream(ids, range(len(ids)))

    def _rows(self, tokens: NDArray[np.int32], count: int) -> torch.Tensor:
        return torch.from_numpy(rows(tokens, count)).to(self.device)

    def language_model(self) -> PretrainedLanguageModel:
        """The language model as the run has it now."""
        settings = self.settings
        state = self.network.state_dict()
        return PretrainedLanguageModel(
            LanguageModelConfig(
                tokenizer=settings.tokenizer,
                vocab_size=self.tokenizer.vocab_size,
                embedding_dim=settings.embedding_dim,
                hidden_size=settings.hidden_size,
                num_layers=settings.num_layers,
                direction="backward" if settings.backward else "forward",
            ),
            self.tokenizer,
            {name: tensor.cpu().contiguous() for name, tensor in state.items()},
        )

    def save(self) -> None:
        """Write a checkpoint. Raises OSError."""
        self.checkpoint.save(
            {
                "network": self.network.state_dict(),
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
        self.descent.load_state_dict(state["descent"])
        for name in _PROGRESS:
            setattr(self, name, state[name])


def pretrain(
    texts: Sequence[str],
    settings: PretrainingSettings,
    directory: Path,
    *,
    start: PretrainedLanguageModel | None = None,
    embedding_of: PretrainedLanguageModel | None = None,
    about: str = "",
    watcher: PretrainingWatcher | None = None,
) -> float:
    """Learn a language from texts, write the model to ``directory`` after every epoch.

    Returns the perplexity on held-out texts. ``start`` is a pretrained model to go on from. With
    ``embedding_of``, tokens and embeddings are taken from another one and stay as they are.
    ``about`` names the data and the command for the model card.

    Raises TrainingError for settings or texts that cannot be learned from, and OSError.
    """
    watcher = watcher or PretrainingWatcher()
    if len(texts) < 2:  # noqa: PLR2004 - one to learn from, one to hold out
        raise TrainingError("There is one text alone: pretraining needs another to be held out.")
    if start:
        _check_start(start, embedding_of, settings)
    known = start or embedding_of
    if known:
        settings = settings_from(known, settings)
    run = _prepare(texts, settings, directory, start, embedding_of)
    directory.mkdir(parents=True, exist_ok=True)  # now, and not after hours of training
    run.resume()
    watcher.on_start(run.describe())
    found = 0.0
    while run.epoch < settings.epochs:
        try:
            loss = run.train_epoch(watcher.on_step)
        except Interrupted:
            run.save()
            raise
        # Before the model is written: a run that is broken off here still is one to be continued.
        run.save()
        found = run.perplexity()
        card = _card(name_of(directory), run, found, about)
        language_model.save(directory, run.language_model(), card)
        run.epoch += 1
        watcher.on_epoch(PretrainingEpoch(run.epoch, loss, found))
    run.checkpoint.forget()
    return found


def _check_start(
    start: PretrainedLanguageModel,
    embedding_of: PretrainedLanguageModel | None,
    settings: PretrainingSettings,
) -> None:
    if embedding_of:
        raise TrainingError(
            "A pretrained model to go on from brings its own embeddings: give --pretrained or "
            "--embedding-of, and not both."
        )
    direction = "backward" if settings.backward else "forward"
    if start.config.direction != direction:
        raise TrainingError(
            f"The pretrained model reads {start.config.direction}, and this one is to read "
            f"{direction}: {'leave out' if settings.backward else 'give'} --backward."
        )


def _prepare(
    texts: Sequence[str],
    settings: PretrainingSettings,
    directory: Path,
    start: PretrainedLanguageModel | None = None,
    embedding_of: PretrainedLanguageModel | None = None,
) -> PretrainingRun:
    known = start or embedding_of
    tokenizer = (
        known.tokenizer
        if known
        else Tokenizer.train(interruption.watched(texts), settings.tokenizer, settings.vocab_size)
    )
    step = -1 if settings.backward else 1
    ids = [np.array(encoding.ids[::step], np.int32) for encoding in tokenizer.encode_each(texts)]
    training, held_out = _split(ids, settings.seed)
    origin = f"{'start ' if start else ''}{known.sha256}" if known else ""
    return PretrainingRun(
        settings=settings,
        tokenizer=tokenizer,
        ids=training,
        held_out=held_out,
        checkpoint=Checkpoint(directory / CHECKPOINT, _fingerprint(settings, texts, origin)),
        embedding_of=embedding_of,
        start=start,
    )


def _split(
    ids: list[NDArray[np.int32]], seed: int
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
    """Texts to learn from, and a few to hold out: (training, held out), neither empty."""
    order = random.Random(seed).sample(range(len(ids)), len(ids))  # noqa: S311 - not a secret
    count, tokens = 1, len(ids[order[0]])
    while count < HELD_OUT_SHARE * len(ids) and tokens < HELD_OUT_TOKENS:
        tokens += len(ids[order[count]])
        count += 1
    return [ids[index] for index in order[count:]], [ids[index] for index in order[:count]]


def _fingerprint(settings: PretrainingSettings, texts: Sequence[str], origin: str) -> str:
    """What tells a run's settings, texts and origin apart from all others."""
    hashed = hashlib.sha256(f"{settings.model_dump_json()}\0{origin}".encode())
    for text in texts:
        hashed.update(b"\0" + text.encode(errors="surrogatepass"))
    return hashed.hexdigest()


def _card(name: str, run: PretrainingRun, found: float, about: str) -> str:
    settings = run.settings
    reading = "backward, from each text's end" if settings.backward else "from left to right"
    perplexity = {"perplexity": round(found, 1)}
    lines = [
        front_matter(name, "text-generation", perplexity, tags=["lstm", "language-model"]),
        "",
        f"# {name}",
        "",
        (
            f"An LSTM language model: {settings.num_layers} layer(s) of {settings.hidden_size} "
            f"units that read {reading}, {run.tokenizer.vocab_size:,} tokens in the vocabulary. "
            "It tells which token comes next. It is made to start classifiers from: "
            "`conveyor train --pretrained`."
        ),
        "",
        "## Training",
        "",
        (
            f"{run.epoch + 1} of {settings.epochs} epochs over {len(run.ids):,} texts, "
            f"{run.stream_length:,} tokens."
        ),
        *([about] if about else []),
        "",
        "## Evaluation",
        "",
        f"Perplexity on {len(run.held_out):,} held-out texts: **{found:.1f}**.",
        "",
    ]
    return "\n".join(lines)
