"""The checks of a model directory, one after the other, each with its finding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from conveyor.model import interruption
from conveyor.model.artifact import language_model, model_files, storage
from conveyor.model.artifact.card import metrics
from conveyor.model.artifact.golden import GOLDEN_TOLERANCE, Golden, reproduce
from conveyor.model.artifact.info import dtypes, is_language_model
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.artifact.model_files import CARD, GOLDEN, Files
from conveyor.model.artifact.storage import UNVERIFIED
from conveyor.model.errors import ArtifactError
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.cell import CELLS
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import LanguageModelConfig, ModelConfig
from conveyor.model.text.smoke_test import smoke_test
from conveyor.model.text.tokenizer import PAD_ID, Encoding, Tokenizer
from conveyor.model.verification import consistency

# Two ways to one number differ in the order of sums, as two processors do.
TOLERANCE = GOLDEN_TOLERANCE


@dataclass(frozen=True)
class Finding:
    """The outcome of a check, and what was found, what is wrong, or why it was skipped."""

    check: str
    outcome: Literal["ok", "failed", "skipped"]
    message: str


class NotApplicable(Exception):
    """A check that a model of this kind has nothing for; the message says why."""


def check(directory: Path) -> Iterator[Finding]:
    """Check what `conveyor train` or `conveyor pretrain` has written, one finding after the other.

    A check whose grounds have failed is skipped. Raises ArtifactError if there is no directory.
    """
    if not directory.is_dir():
        raise ArtifactError(
            f"{directory} is not a directory: give one that `conveyor train` or `conveyor "
            "pretrain` has written."
        )
    model = _LanguageModel(directory) if is_language_model(directory) else _Classifier(directory)
    return _findings(model)


def _findings(model: "_Model") -> Iterator[Finding]:
    passed: set[str] = set()
    for name, run, needs in interruption.watched(CHECKS):
        missing = [need for need in needs if need not in passed]
        if missing:
            yield Finding(name, "skipped", f"this needs: {', '.join(missing)}")
            continue
        try:
            message = run(model)
        except NotApplicable as reason:
            yield Finding(name, "skipped", str(reason))
        except ArtifactError as error:
            yield Finding(name, "failed", str(error))
        else:
            passed.add(name)
            yield Finding(name, "ok", message)


class _Classifier:
    """A model that `conveyor train` has written, each part read when it is first needed.

    Parts that cannot be read raise ArtifactError.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def files(self) -> Files:
        return storage.open_files(self.directory)

    @cached_property
    def config(self) -> ModelConfig:
        return self.files.parse(model_files.CONFIG, ModelConfig)

    @property
    def sizes(self) -> dict[str, int]:
        return storage.sizes(self.config)

    @cached_property
    def network(self) -> LSTMClassifier:
        return storage.read_network(self.files, self.config)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return storage.read_tokenizer(self.files, self.config)


class _LanguageModel:
    """A model that `conveyor pretrain` has written, each part read when it is first needed.

    Its network is that of a classifier which starts from it: what has to hold of the language
    model's layers can be asked of that, and its head, which knows nothing, is as good as any.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def files(self) -> Files:
        return language_model.open_files(self.directory)

    @cached_property
    def config(self) -> LanguageModelConfig:
        return self.files.parse(language_model.CONFIG, LanguageModelConfig)

    @property
    def sizes(self) -> dict[str, int]:
        return language_model.sizes(self.config)

    @cached_property
    def network(self) -> LSTMClassifier:
        own = language_model.read_weights(self.files, self.config)
        config = ModelConfig(
            vocab_size=self.config.vocab_size,
            embedding_dim=self.config.embedding_dim,
            hidden_size=self.config.hidden_size,
            num_layers=self.config.num_layers,
            id2label={0: "no", 1: "yes"},
            max_tokens=max(consistency.TEXT_LENGTHS),
            pad_token_id=PAD_ID,
            unk_token_id=PAD_ID,
        )
        shared = {name: own[name] for name in own if name.startswith(("embedding.", "lstm."))}
        head = torch.linspace(-1, 1, 2 * 3 * config.hidden_size).view(2, -1)
        shared |= {"head.weight": head, "head.bias": torch.zeros(2)}
        return storage.network_of(config, shared)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return self.files.tokenizer(self.config.vocab_size)


_Model = _Classifier | _LanguageModel


class Check(NamedTuple):
    """A check, which returns what it has found, and the names of the checks that it needs.

    It raises ArtifactError with what is wrong, or NotApplicable.
    """

    name: str
    run: Callable[[_Model], str]
    needs: tuple[str, ...] = ()


def _files(model: _Model) -> str:
    model.files.read(model.sizes)
    names = ", ".join(model.files.content)
    if model.files.sums is None:
        return f"{names}; there is no {MANIFEST}, so nothing shows that they are whole"
    return f"{names}, as {MANIFEST} has them"


def _config(model: _Model) -> str:
    config = model.config
    message = (
        f"{CELLS[config.cell].NAME}, {config.num_layers} layer(s) of {config.hidden_size} units"
    )
    if not isinstance(config, ModelConfig):
        return message
    unverified = f"; {UNVERIFIED}" if config.unverified else ""
    return f"{message}, {len(config.labels)} labels{unverified}"


def _tensors(model: _Model) -> str:
    _ = model.network  # which takes nothing but what is named, shaped and finite as it should be
    tensors = model.files.tensors()
    count = sum(tensor.numel() for tensor in tensors.values())
    return f"{len(tensors)} tensors, {count:,} finite numbers in {' and '.join(dtypes(tensors))}"


def _tokenizer(model: _Model) -> str:
    try:
        texts = smoke_test(model.tokenizer, thorough=True)
    except ValueError as error:
        raise model.files.not_valid(model_files.TOKENIZER, str(error)) from None
    entries = f"{model.tokenizer.vocab_size:,} entries, one for each row of the embedding"
    return f"{entries}; reads {texts:,} texts of every kind"


def _golden(model: _Model) -> str:
    if isinstance(model, _LanguageModel):
        raise NotApplicable("a language model has none")
    golden = model.files.parse(GOLDEN, Golden)
    return _difference(reproduce(model.directory, _classifier(model), golden))


def _state_equations(model: _Model) -> str:
    if model.config.cell == "rnn":
        raise NotApplicable("a simple RNN has neither a cell state nor gates")
    return _measured(model, consistency.state_equations)


def _reference(model: _Model) -> str:
    return _measured(model, consistency.reference)


def _batching(model: _Model) -> str:
    return _measured(model, consistency.batch_invariance)


def _resuming(model: _Model) -> str:
    if model.network.config.bidirectional:
        raise NotApplicable("what reads from both ends cannot go on from a state")
    return _measured(model, consistency.resumed)


def _card(model: _Model) -> str:
    card = model.directory / CARD
    if not card.exists():
        raise ArtifactError(
            f"{card} is missing: a model should say what it learned from, and how good it is."
        )
    return f"{CARD}, which tells programs {len(metrics(card))} result(s)"


def _classifier(model: _Model) -> Classifier:
    return Classifier(model.network.config, model.network, model.tokenizer)


def _difference(difference: float) -> str:
    return f"largest difference {difference:.1e}"


def _measured(model: _Model, measure: Callable[[Classifier, Sequence[Encoding]], float]) -> str:
    """Describe the measured difference; ArtifactError if it is too large, or not a number."""
    classifier = _classifier(model)
    with np.errstate(invalid="ignore"):  # what is not a number is reported below
        difference = measure(classifier, consistency.random_texts(classifier.config))
    if difference <= TOLERANCE:
        return _difference(difference)
    raise ArtifactError(f"{_difference(difference)}, where no more than {TOLERANCE:.0e} is right.")


READ = ("tensors", "tokenizer")
CHECKS = (
    Check("config", _config),
    Check("files", _files, ("config",)),
    Check("tensors", _tensors, ("files",)),
    Check("tokenizer", _tokenizer, ("files",)),
    Check("golden example", _golden, READ),
    Check("state equations", _state_equations, READ),
    Check("reference", _reference, READ),
    Check("batching", _batching, READ),
    Check("resuming", _resuming, READ),
    Check("model card", _card),
)
