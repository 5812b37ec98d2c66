"""Initialization: the weights that a classifier starts from, in place of random ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from conveyor.model.artifact.language_model import SIZES, PretrainedLanguageModel
from conveyor.model.errors import TrainingError
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.settings import RunSettings, TrainingSettings


class Initialization(Protocol):
    """A pretrained model, or word vectors."""

    @property
    def hashes(self) -> list[str]:
        """Hashes of all that a run takes from it."""

    def tokenizer(self, texts: Iterable[str], settings: TrainingSettings) -> Tokenizer:
        """Make the tokenizer of a run over texts: trained, or taken over. Raises Interrupted."""

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """Return the settings of a run that starts from here: sizes are taken over.

        Raises TrainingError where a setting says something else.
        """

    def load_into(self, network: LSTMClassifier, tokenizer: Tokenizer, /) -> str:
        """Load known weights into a network; return a clause that tells people which.

        Raises ModelError.
        """


Settings = TypeVar("Settings", bound=RunSettings)


def settings_from(pretrained: PretrainedLanguageModel, own: Settings) -> Settings:
    """Return the settings of a run that starts from here: all that the two share is taken over.

    Raises TrainingError where a setting was given that says something else.
    """
    return sizes_from(pretrained.config, SIZES, own)


def sizes_from(config: BaseModel, names: Iterable[str], own: Settings) -> Settings:
    """Return settings that take these over from a pretrained model's config.

    Raises TrainingError where a setting was given that says something else.
    """
    shared = {name: getattr(config, name) for name in names}
    for name, value in shared.items():
        if name in own.model_fields_set and getattr(own, name) != value:
            raise TrainingError(
                f"The {name.replace('_', ' ')} of the pretrained model is {value}, and not "
                f"{getattr(own, name)}: leave that setting out, it is taken from there."
            )
    return own.model_copy(update=shared)


def load_embedding(embedding: nn.Embedding, known: Tensor) -> int:
    """Load the vectors of the first tokens; the others, whose number is returned, stay random.

    They are as large as those that are known: with their standard deviation.
    """
    embedding.weight.mul_(known.std())
    embedding.weight[: len(known)] = known
    return len(embedding.weight) - len(known)


@dataclass(frozen=True)
class PretrainedInitialization:
    """A pretrained language model to start a classifier from, or one for each direction."""

    forward: PretrainedLanguageModel
    backward: PretrainedLanguageModel | None = None

    @property
    def hashes(self) -> list[str]:
        """The hashes of the language models."""
        return [each.sha256 for each in (self.forward, self.backward) if each]

    def tokenizer(self, texts: Iterable[str], settings: TrainingSettings) -> Tokenizer:
        """Return the tokenizer of both; one of words learns those of the texts that it lacks.

        Reviews of films do not tell what a "top-up" is, and 77 kinds of questions to a bank turn on
        such words.
        """
        known = self.forward.tokenizer
        if settings.tokenizer != "word":
            return known
        return known.extended(Tokenizer.train(texts, "word", settings.vocab_size).entries)

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """Return the settings of a run that starts from here, as `settings_from` makes them.

        Raises TrainingError where the settings, or the two language models, do not fit together.
        """
        if own.cell != self.forward.config.cell:
            raise TrainingError(
                f"The pretrained model's cell is {self.forward.config.cell}, and not {own.cell}: "
                "leave out the other cell, or train without a pretrained model."
            )
        if self.forward.config.direction != "forward":
            raise TrainingError(
                "The pretrained model reads backward: give one that was made without --backward, "
                "and this one beside it for the backward direction."
            )
        if self.backward:
            self._check_backward(self.backward, own)
        return settings_from(self.forward, own)

    def _check_backward(self, backward: PretrainedLanguageModel, own: TrainingSettings) -> None:
        if not own.bidirectional:
            raise TrainingError(
                "A pretrained backward model is for a classifier that reads from both ends: make "
                "it bidirectional, or leave the backward model out."
            )
        if backward.config.direction != "backward":
            raise TrainingError(
                "The pretrained backward model reads forward: give one that was made by "
                "`conveyor pretrain --backward`."
            )
        if not self.forward.shares_words(backward):
            raise TrainingError(
                "The two pretrained models do not share sizes, tokens and embeddings: make the "
                "backward one by `conveyor pretrain --backward --embedding-of` the other."
            )

    def load_into(self, network: LSTMClassifier, _tokenizer: Tokenizer) -> str:
        """Load the weights into a classifier: embedding, and the LSTM's directions.

        Words that the pretrained model does not have stay random, as large as its own are.
        In a network that reads from both ends, a layer above the first also sees the other
        direction, of which a pretrained one knows nothing: those weights begin with zeros.
        """
        with torch.no_grad():
            added = load_embedding(network.embedding, self.forward.weights["embedding.weight"])
            _load_direction(network.recurrent, self.forward.weights, "")
            if self.backward:
                _load_direction(network.recurrent, self.backward.weights, "_reverse")
        return f"pretrained, {added:,} of them new to it" if added else "pretrained"


def _load_direction(lstm: nn.RNNBase, weights: dict[str, Tensor], suffix: str) -> None:
    for name, weight in weights.items():
        if not name.startswith("lstm."):
            continue
        target: Tensor = lstm.get_parameter(name.removeprefix("lstm.") + suffix)
        if target.shape != weight.shape:  # a layer that sees both directions, side by side
            target.zero_()
            width = weight.shape[1]
            target = target[:, width:] if suffix else target[:, :width]
        target.copy_(weight)
