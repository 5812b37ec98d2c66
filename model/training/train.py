"""Supervised training: labelled texts in, a model directory out.

A run is decided by its settings, its data and its seed alone. It writes checkpoints as it goes; the
same command, run again after an interruption, continues where the last checkpoint stands and ends
with the result of an undisturbed run.
"""

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from conveyor.model import interruption
from conveyor.model.artifact import storage
from conveyor.model.artifact.card import model_card
from conveyor.model.data.examples import Example
from conveyor.model.data.soft_labels import SoftExample, one_hot, probabilities
from conveyor.model.errors import TrainingError
from conveyor.model.evaluation.calibration import apply_temperature, temperature
from conveyor.model.evaluation.metrics import Evaluation, classify_examples, evaluate, label_ids
from conveyor.model.evaluation.ngrams import NgramClassifier, fit_ngrams
from conveyor.model.files import name_of
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.config import MIN_LABELS, ModelConfig
from conveyor.model.text.tokenizer import PAD_ID, UNK_ID, Tokenizer
from conveyor.model.training.callbacks import Callbacks, TrainingEpoch
from conveyor.model.training.checkpoint import CHECKPOINT, Checkpoint
from conveyor.model.training.continuation import Continuation
from conveyor.model.training.initialization import Initialization, PretrainedInitialization
from conveyor.model.training.loop import Means, run_epochs
from conveyor.model.training.mixtures import Mixtures
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.training_run import TrainingRun

GOLDEN_TOKENS = 20


@dataclass(frozen=True)
class _Data:
    """All texts of a run."""

    examples: Sequence[Example]
    validation: Sequence[Example] = ()
    soft: Sequence[SoftExample] = ()
    unlabelled: Sequence[str] = ()


def split(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Hold out a share of each label's texts, but never all of them: (train, validation).

    A text that stands there several times is held out with all its copies, or not at all.
    """
    copies: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        copies[example.text].append(example)
    by_label: dict[str, list[list[Example]]] = defaultdict(list)
    for same in copies.values():
        by_label[same[0].label].append(same)
    train: list[Example] = []
    validation: list[Example] = []
    rng = random.Random(seed)  # noqa: S311 - a split, not a secret
    for label in sorted(by_label):
        texts = rng.sample(by_label[label], len(by_label[label]))
        held_out = min(round(fraction * len(texts)), len(texts) - 1)
        validation += chain.from_iterable(texts[:held_out])
        train += chain.from_iterable(texts[held_out:])
    return train, validation


def train(  # noqa: PLR0913 - what a run is made of
    examples: Sequence[Example],
    settings: TrainingSettings,
    directory: Path,
    *,
    validation: Sequence[Example] = (),
    soft: Sequence[SoftExample] = (),
    unlabelled: Sequence[str] = (),
    label_aliases: dict[str, str] | None = None,
    initialization: Initialization | None = None,
    ngrams: NgramClassifier | None = None,
    baseline: Evaluation | None = None,
    about: str = "",
    callbacks: Callbacks[TrainingEpoch] | None = None,
) -> Evaluation | None:
    """Train a classifier and write it to ``directory``; return how it does on held-out examples.

    Without ``validation``, ``settings.validation_fraction`` of the examples is held out, to choose
    the best epoch and to calibrate the scores. With nothing held out, all epochs are run, and the
    last weights are kept as they are. ``soft`` are texts to learn beside the examples, whose labels
    are probabilities; ``unlabelled`` are the texts that ``settings.virtual_adversarial`` and
    ``settings.entropy`` are for. ``label_aliases`` renames labels of the data; ``initialization``
    is what to start from; ``ngrams``, fitted to the examples, are what ``settings.ngrams`` is for;
    ``baseline``, how they do on the held-out ones, and ``about``, the data and the command, are for
    the model card.

    Raises TrainingError for settings or data that cannot be trained on, DataError for an
    initialization that cannot be read, OSError, and, with a checkpoint of where it stands,
    Interrupted.
    """
    if initialization:
        settings = initialization.settings(settings)
    check_fit(settings, initialization, unlabelled)
    if not validation:
        examples, validation = split(examples, settings.validation_fraction, settings.seed)
    aliases = label_aliases or {}
    labels = labels_of(examples, aliases)
    label_ids(validation, labels, aliases)  # a label that is not known is said now
    data = _Data(examples, validation, soft, unlabelled)
    run = _prepare(data, labels, aliases, settings, directory, initialization)
    if settings.ngrams:
        ngrams = ngrams or fit_ngrams(examples, labels, aliases)
        run.mixtures = _mixtures(run, [example.text for example in examples], ngrams)
    directory.mkdir(parents=True, exist_ok=True)  # now, and not after hours of training
    run_epochs(run, partial(_end_epoch, run, validation), callbacks or Callbacks())
    classifier, evaluation = _calibrated(run.best_classifier(), validation)
    storage.save(
        directory,
        classifier,
        # Not a text of the data, which may be nobody else's business.
        golden_text=" ".join(run.tokenizer.vocabulary_sample(GOLDEN_TOKENS)),
        card=model_card(
            name_of(directory), classifier.config, len(examples), evaluation, baseline, about
        ),
        dtype=torch.float16,
    )
    run.checkpoint.forget()
    return evaluation


def _end_epoch(run: TrainingRun, validation: Sequence[Example], means: Means) -> TrainingEpoch:
    evaluation = evaluate(run.classifier(), validation) if validation else None
    best = run.finish_epoch(evaluation)
    if run.checkpoint.due or run.epoch == 1:
        run.save()
    return TrainingEpoch(
        run.epoch, run.settings.epochs, means.loss, means.accuracy or 0.0, evaluation, best
    )


def check_fit(
    settings: TrainingSettings, initialization: Initialization | None, unlabelled: Sequence[str]
) -> None:
    """Raise TrainingError for settings that want what is not there, or leave it unused."""
    pretrained = isinstance(initialization, PretrainedInitialization | Continuation)
    if settings.gradual_unfreezing and not pretrained:
        raise TrainingError(
            "Gradual unfreezing keeps what a pretrained model knows: give --pretrained too, or "
            "leave out --gradual-unfreezing."
        )
    wanted = settings.virtual_adversarial or settings.entropy
    if wanted and not unlabelled:
        raise TrainingError(
            "Virtual adversarial training and entropy are for texts without labels: give "
            "--unlabelled too, or leave out --virtual-adversarial and --entropy."
        )
    if unlabelled and not wanted:
        raise TrainingError(
            "Nothing is learned from texts without labels: give --virtual-adversarial or --entropy "
            "too, or leave out --unlabelled."
        )


def labels_of(examples: Sequence[Example], aliases: dict[str, str]) -> list[str]:
    """List the labels of a model that is trained on these examples, in its order."""
    missing = sorted(aliases.keys() - {example.label for example in examples})
    if missing:
        raise TrainingError(f"There is no label {missing[0]!r} to be renamed in the data.")
    labels = sorted({aliases.get(example.label, example.label) for example in examples})
    if len(labels) < MIN_LABELS:
        raise TrainingError(
            f"All texts have the label {labels[0]!r}: a classifier needs at least two labels."
        )
    return labels


def _calibrated(
    classifier: Classifier, validation: Sequence[Example]
) -> tuple[Classifier, Evaluation | None]:
    """Calibrate the scores on held-out examples; return the classifier and how it does on them."""
    if not validation:
        return classifier, None
    truth, probabilities = classify_examples(classifier, validation)
    apply_temperature(classifier, temperature(probabilities, truth))
    return classifier, evaluate(classifier, validation)


def _prepare(
    data: _Data,
    labels: list[str],
    aliases: dict[str, str],
    settings: TrainingSettings,
    directory: Path,
    initialization: Initialization | None = None,
) -> TrainingRun:
    texts = [*(example.text for example in data.examples), *(soft.text for soft in data.soft)]
    hard = torch.from_numpy(label_ids(data.examples, labels, aliases))
    targets = torch.cat([one_hot(hard, len(labels)), probabilities(data.soft, labels)])
    # Words that no label has taught yet are words too.
    read = interruption.watched([*texts, *data.unlabelled])
    if initialization:
        tokenizer = initialization.tokenizer(read, settings)
    else:
        tokenizer = Tokenizer.train(read, settings.tokenizer, settings.vocab_size)
    config = ModelConfig(
        cell=settings.cell,
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
    parts = [settings.model_dump_json(), config.model_dump_json()]
    parts += initialization.hashes if initialization else []
    return TrainingRun(
        settings=settings,
        config=config,
        tokenizer=tokenizer,
        ids=_ids(tokenizer, texts, settings.train_tokens),
        targets=targets,
        checkpoint=Checkpoint(directory / CHECKPOINT, _fingerprint(parts, data)),
        initialization=initialization,
        unlabelled=_ids(tokenizer, list(data.unlabelled), settings.train_tokens),
    )


def _mixtures(run: TrainingRun, texts: list[str], teacher: NgramClassifier) -> Mixtures:
    settings = run.settings
    size, most, seed = settings.batch_size, settings.train_tokens, str(settings.seed)
    return Mixtures(texts, teacher, run.tokenizer, size, most, seed)


def _ids(tokenizer: Tokenizer, texts: list[str], most: int) -> list[NDArray[np.int32]]:
    """Encode texts: the ids of each one's last tokens, at most so many."""
    return [
        np.array(encoding.last(most).ids, np.int32) for encoding in tokenizer.encode_each(texts)
    ]


def _fingerprint(parts: Sequence[str], data: _Data) -> str:
    """Hash settings, labels, initialization and data: another run has another fingerprint."""
    labelled = ((example.label, example.text) for example in (*data.examples, *data.validation))
    judged = ((str(example.scores), example.text) for example in data.soft)
    counts = map(str, map(len, (data.examples, data.validation, data.soft, data.unlabelled)))
    pairs = chain.from_iterable(chain(labelled, judged))
    hashed = hashlib.sha256()
    for part in chain(parts, counts, pairs, data.unlabelled):
        hashed.update(part.encode(errors="surrogatepass") + b"\0")
    return hashed.hexdigest()
