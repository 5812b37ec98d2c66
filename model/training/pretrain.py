"""Pretraining: texts in, a language model's directory out, for classifiers to start from.

As a training run, it is decided by its settings and its texts alone, writes checkpoints as it goes,
and is continued by the same command.
"""

import hashlib
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conveyor.model import interruption
from conveyor.model.artifact import language_model
from conveyor.model.artifact.card import PretrainingSummary, language_model_card
from conveyor.model.artifact.language_model import PretrainedLanguageModel
from conveyor.model.errors import TrainingError
from conveyor.model.files import name_of
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.callbacks import Callbacks, PretrainingEpoch
from conveyor.model.training.checkpoint import CHECKPOINT, Checkpoint
from conveyor.model.training.initialization import settings_from
from conveyor.model.training.loop import Means, run_epochs
from conveyor.model.training.pretraining_run import PretrainingRun
from conveyor.model.training.settings import PretrainingSettings

# Held out to tell how well a language is learned: enough for two digits of the perplexity.
HELD_OUT_SHARE = 0.01
HELD_OUT_TOKENS = 200_000


def pretrain(
    texts: Sequence[str],
    settings: PretrainingSettings,
    directory: Path,
    *,
    pretrained: PretrainedLanguageModel | None = None,
    embedding_of: PretrainedLanguageModel | None = None,
    about: str = "",
    callbacks: Callbacks[PretrainingEpoch] | None = None,
) -> float:
    """Learn a language from texts, write the model to ``directory`` after every epoch.

    Returns the perplexity on held-out texts. ``pretrained`` is a model to go on from. With
    ``embedding_of``, tokens and embeddings are taken from another one and stay as they are.
    ``about`` names the data and the command for the model card.

    Raises TrainingError for settings or texts that cannot be learned from, OSError, and, with a
    checkpoint of where it stands, Interrupted.
    """
    if len(texts) < 2:  # noqa: PLR2004 - one to learn from, one to hold out
        raise TrainingError("There is one text alone: pretraining needs another to be held out.")
    if pretrained:
        _check_pretrained(pretrained, embedding_of, settings)
    known = pretrained or embedding_of
    if known:
        settings = settings_from(known, settings)
    run = _prepare(texts, settings, directory, pretrained, embedding_of)
    directory.mkdir(parents=True, exist_ok=True)  # now, and not after hours of training
    last = run_epochs(run, partial(_end_epoch, run, directory, about), callbacks or Callbacks())
    run.checkpoint.forget()
    return last.perplexity if last else 0.0


def _end_epoch(run: PretrainingRun, directory: Path, about: str, means: Means) -> PretrainingEpoch:
    # Before the model is written: a run that is broken off here still is one to be continued.
    run.save()
    found = run.perplexity()
    learned = run.language_model()
    summary = PretrainingSummary(
        epoch=run.epoch + 1,
        epochs=run.settings.epochs,
        texts=len(run.ids),
        tokens=run.stream_length,
        held_out=len(run.held_out),
        perplexity=found,
    )
    card = language_model_card(name_of(directory), learned.config, summary, about)
    language_model.save(directory, learned, card)
    run.epoch += 1
    return PretrainingEpoch(run.epoch, run.settings.epochs, means.loss, found)


def _check_pretrained(
    pretrained: PretrainedLanguageModel,
    embedding_of: PretrainedLanguageModel | None,
    settings: PretrainingSettings,
) -> None:
    if embedding_of:
        raise TrainingError(
            "A pretrained model to go on from brings its own embeddings: give --pretrained or "
            "--embedding-of, and not both."
        )
    direction = "backward" if settings.backward else "forward"
    if pretrained.config.direction != direction:
        raise TrainingError(
            f"The pretrained model reads {pretrained.config.direction}, and this one is to read "
            f"{direction}: {'leave out' if settings.backward else 'give'} --backward."
        )


def _prepare(
    texts: Sequence[str],
    settings: PretrainingSettings,
    directory: Path,
    pretrained: PretrainedLanguageModel | None = None,
    embedding_of: PretrainedLanguageModel | None = None,
) -> PretrainingRun:
    known = pretrained or embedding_of
    tokenizer = (
        known.tokenizer
        if known
        else Tokenizer.train(interruption.watched(texts), settings.tokenizer, settings.vocab_size)
    )
    step = -1 if settings.backward else 1
    ids = [np.array(encoding.ids[::step], np.int32) for encoding in tokenizer.encode_each(texts)]
    training, held_out = _split(ids, settings.seed)
    origin = f"{'start ' if pretrained else ''}{known.sha256}" if known else ""
    return PretrainingRun(
        settings=settings,
        tokenizer=tokenizer,
        ids=training,
        held_out=held_out,
        checkpoint=Checkpoint(directory / CHECKPOINT, _fingerprint(settings, texts, origin)),
        embedding_of=embedding_of,
        pretrained=pretrained,
    )


def _split(
    ids: list[NDArray[np.int32]], seed: int
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
    """Split texts into those to learn from and a few to hold out, neither empty."""
    order = random.Random(seed).sample(range(len(ids)), len(ids))  # noqa: S311 - not a secret
    count, tokens = 1, len(ids[order[0]])
    while count < HELD_OUT_SHARE * len(ids) and tokens < HELD_OUT_TOKENS:
        tokens += len(ids[order[count]])
        count += 1
    return [ids[index] for index in order[count:]], [ids[index] for index in order[:count]]


def _fingerprint(settings: PretrainingSettings, texts: Sequence[str], origin: str) -> str:
    """Hash a run's settings, texts and origin: another run has another fingerprint."""
    hashed = hashlib.sha256(f"{settings.model_dump_json()}\0{origin}".encode())
    for text in texts:
        hashed.update(b"\0" + text.encode(errors="surrogatepass"))
    return hashed.hexdigest()
