"""A pretrained language model's directory: saved, loaded strictly.

A directory with pretrained.json, model.safetensors, tokenizer.json, their manifest SHA256SUMS, and
README.md. No file of it can run code.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from conveyor.model.artifact import model_files
from conveyor.model.artifact.model_files import Files
from conveyor.model.network.config import LanguageModelConfig
from conveyor.model.network.language_model import LanguageModel
from conveyor.model.text.tokenizer import Tokenizer

CONFIG = "pretrained.json"

# What a network that starts from a language model has in common with it.
SIZES = ("tokenizer", "vocab_size", "embedding_dim", "hidden_size", "num_layers")


@dataclass(frozen=True)
class PretrainedLanguageModel:
    """A pretrained language model: its shape, its tokenizer, its weights by name."""

    config: LanguageModelConfig
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

    def shares_words(self, other: "PretrainedLanguageModel") -> bool:
        """Tell if another one has the same sizes, tokens and embeddings."""
        return (
            all(getattr(self.config, name) == getattr(other.config, name) for name in SIZES)
            and self.tokenizer.to_json() == other.tokenizer.to_json()
            and torch.equal(self.weights["embedding.weight"], other.weights["embedding.weight"])
        )


def save(directory: Path, model: PretrainedLanguageModel, card: str) -> None:
    """Write a language model's directory, weights in half precision, pretrained.json last.

    Raises OSError.
    """
    halved = {name: weight.half() for name, weight in model.weights.items()}
    content = {
        model_files.WEIGHTS: safetensors.torch.save(halved, metadata={"format": "pt"}),
        model_files.TOKENIZER: model.tokenizer.to_json().encode(),
        CONFIG: model.config.model_dump_json(indent=2).encode() + b"\n",
    }
    model_files.write_all(directory, content, card)


def load(directory: Path) -> PretrainedLanguageModel:
    """Load what `save` has written.

    Raises ArtifactError with one sentence that says what is wrong with the directory.
    """
    return understand(*read(directory))


def understand(files: Files, config: LanguageModelConfig) -> PretrainedLanguageModel:
    """Make a language model of its files; ArtifactError says what is wrong with them."""
    tokenizer = files.tokenizer(config.vocab_size)
    return PretrainedLanguageModel(config, tokenizer, read_weights(files, config))


def read(directory: Path) -> tuple[Files, LanguageModelConfig]:
    """Read the files of a language model, the model card aside, and its config."""
    files = open_files(directory)
    config = files.parse(CONFIG, LanguageModelConfig)
    files.read(sizes(config))
    return files, config


def open_files(directory: Path) -> Files:
    """Open the files of a language model, of which only the config is read."""
    names = (CONFIG, model_files.WEIGHTS, model_files.TOKENIZER)
    return Files.open(directory, names, "a pretrained model's directory", "conveyor pretrain")


def sizes(config: LanguageModelConfig) -> dict[str, int]:
    """Return how many bytes the other files can have."""
    return model_files.sizes_for(config.vocab_size, _shapes(config))


def read_weights(files: Files, config: LanguageModelConfig) -> dict[str, Tensor]:
    """Read the weights by name; ArtifactError names one that does not fit the config."""
    tensors = files.tensors()
    try:
        return model_files.checked(tensors, _shapes(config), CONFIG)
    except ValueError as error:
        raise files.not_valid(model_files.WEIGHTS, str(error)) from None


def network_of(config: LanguageModelConfig) -> LanguageModel:
    """Make a language model of this shape."""
    return LanguageModel(
        config.vocab_size, config.embedding_dim, config.hidden_size, config.num_layers
    )


def _shapes(config: LanguageModelConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return network_of(config).state_dict()
