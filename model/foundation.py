"""Foundation: what a pretraining leaves, and what a classifier takes from it.

A directory with pretrained.json, model.safetensors, tokenizer.json, their manifest SHA256SUMS, and
README.md. No file of it can run code.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from model import artifact
from model.artifact import Files
from model.config import MAX_VOCABULARY, Depth, Width
from model.errors import TrainingError
from model.language_model import LanguageModel
from model.network import LSTMClassifier
from model.settings import RunSettings, TrainingSettings
from model.tokenizer import Tokenizer, TokenizerKind

CONFIG = "pretrained.json"
# What a run that starts from a foundation takes from it and not from its own settings.
SHARED = ("tokenizer", "vocab_size", "embedding_dim", "hidden_size", "num_layers")

Settings = TypeVar("Settings", bound=RunSettings)


class FoundationConfig(BaseModel):
    """The content of ``pretrained.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    cell: Literal["lstm"] = "lstm"
    tokenizer: TokenizerKind
    vocab_size: int = Field(ge=1, le=MAX_VOCABULARY)
    embedding_dim: Width
    hidden_size: Width
    num_layers: Depth
    direction: Literal["forward", "backward"]

    def network(self) -> LanguageModel:
        """A language model of this shape."""
        return LanguageModel(self.vocab_size, self.embedding_dim, self.hidden_size, self.num_layers)


@dataclass(frozen=True)
class Foundation:
    """A pretrained language model: its shape, its tokenizer, its weights by name."""

    config: FoundationConfig
    tokenizer: Tokenizer
    weights: dict[str, Tensor]

    @property
    def sha256(self) -> str:
        """A hash of all that a run takes from it."""
        hashed = hashlib.sha256(self.config.model_dump_json().encode())
        hashed.update(self.tokenizer.to_json().encode())
        for name in sorted(self.weights):
            hashed.update(name.encode())
            hashed.update(self.weights[name].numpy().tobytes())
        return hashed.hexdigest()

    def settings(self, own: Settings) -> Settings:
        """The settings of a run that starts from here: all that the two share is taken over.

        Raises TrainingError where a setting was given that says something else.
        """
        shared = {name: getattr(self.config, name) for name in SHARED}
        for name, value in shared.items():
            if name in own.model_fields_set and getattr(own, name) != value:
                raise TrainingError(
                    f"The {name.replace('_', ' ')} of the pretrained model is {value}, and not "
                    f"{getattr(own, name)}: leave that setting out, it is taken from there."
                )
        return own.model_copy(update=shared)

    def shares_words(self, other: "Foundation") -> bool:
        """Whether another one has the same sizes, tokens and embeddings."""
        return (
            all(getattr(self.config, name) == getattr(other.config, name) for name in SHARED)
            and self.tokenizer.to_json() == other.tokenizer.to_json()
            and torch.equal(self.weights["embedding.weight"], other.weights["embedding.weight"])
        )


@dataclass(frozen=True)
class Pretrained:
    """What a classifier starts from: a foundation, or one for each direction."""

    forward: Foundation
    backward: Foundation | None = None

    @property
    def hashes(self) -> list[str]:
        """The hashes of what there is."""
        return [each.sha256 for each in (self.forward, self.backward) if each]

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of what there is."""
        return self.forward.tokenizer

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """The settings of a run that starts from here, as `Foundation.settings` makes them.

        Raises TrainingError where the settings, or the two foundations, do not fit together.
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
        return self.forward.settings(own)

    def _check_backward(self, backward: Foundation, own: TrainingSettings) -> None:
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

    def lay(self, network: LSTMClassifier, _tokenizer: Tokenizer) -> str:
        """Put the weights into a classifier: embedding, and the LSTM's directions.

        In a network that reads from both ends, a layer above the first also sees the other
        direction. Of that a pretrained one knows nothing, and begins with zeros for its weights.
        """
        with torch.no_grad():
            network.embedding.weight.copy_(self.forward.weights["embedding.weight"])
            _lay_direction(network.recurrent, self.forward.weights, "")
            if self.backward:
                _lay_direction(network.recurrent, self.backward.weights, "_reverse")
        return "pretrained"


def _lay_direction(lstm: nn.RNNBase, weights: dict[str, Tensor], suffix: str) -> None:
    for name, weight in weights.items():
        if not name.startswith("lstm."):
            continue
        place: Tensor = lstm.get_parameter(name.removeprefix("lstm.") + suffix)
        if place.shape != weight.shape:  # a layer that sees both directions, side by side
            place.zero_()
            width = weight.shape[1]
            place = place[:, width:] if suffix else place[:, :width]
        place.copy_(weight)


def save(directory: Path, foundation: Foundation, card: str) -> None:
    """Write a foundation's directory, weights in half precision, pretrained.json last.

    Raises OSError.
    """
    halved = {name: weight.half() for name, weight in foundation.weights.items()}
    content = {
        artifact.WEIGHTS: safetensors.torch.save(halved, metadata={"format": "pt"}),
        artifact.TOKENIZER: foundation.tokenizer.to_json().encode(),
        CONFIG: foundation.config.model_dump_json(indent=2).encode() + b"\n",
    }
    artifact.write_all(directory, content, card)


def load(directory: Path) -> Foundation:
    """Load what `save` has written.

    Raises ArtifactError with one sentence that says what is wrong with the directory.
    """
    return understand(*read(directory))


def understand(files: Files, config: FoundationConfig) -> Foundation:
    """The foundation that these files hold; ArtifactError says what is wrong with them."""
    tokenizer = files.tokenizer(config.vocab_size)
    return Foundation(config, tokenizer, read_weights(files, config))


def read(directory: Path) -> tuple[Files, FoundationConfig]:
    """The files of a foundation, the model card aside, and its config."""
    files = open_files(directory)
    config = files.parse(CONFIG, FoundationConfig)
    files.read(sizes(config))
    return files, config


def open_files(directory: Path) -> Files:
    """The files of a foundation, of which only the config is read."""
    names = (CONFIG, artifact.WEIGHTS, artifact.TOKENIZER)
    return Files.open(directory, names, "a pretrained model's directory", "conveyor pretrain")


def sizes(config: FoundationConfig) -> dict[str, int]:
    """How many bytes the other files can have."""
    return artifact.sizes_for(config.vocab_size, _shapes(config))


def read_weights(files: Files, config: FoundationConfig) -> dict[str, Tensor]:
    """The weights by name, if they fit the config; ArtifactError names one that does not."""
    tensors = files.tensors()
    try:
        return artifact.checked(tensors, _shapes(config), CONFIG)
    except ValueError as error:
        raise files.not_valid(artifact.WEIGHTS, str(error)) from None


def _shapes(config: FoundationConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return config.network().state_dict()
