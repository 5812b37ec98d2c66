"""A model directory: config.json, model.safetensors, tokenizer.json, golden.json, README.md.

No file of it can run code. Loading is strict: what is missing, unexpected, misshapen or not what
the directory promised is named in one sentence. A manifest, SHA256SUMS, shows that the files are
those that were written.
"""

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from conveyor.model.artifact.golden import Golden, reproduce
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.artifact.model_files import (
    CONFIG,
    GOLDEN,
    JSON_BYTES,
    TOKENIZER,
    WEIGHTS,
    Files,
    checked,
    sizes_for,
    write_all,
)
from conveyor.model.errors import ArtifactError
from conveyor.model.files import name_of
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.tokenizer import Tokenizer

logger = logging.getLogger("conveyor.model")

UNVERIFIED = (
    "unverified against its source: whether something stands between its tensors that they do not "
    "tell, such as an activation before or after the head, how its states are pooled, and how "
    "texts become tokens was not compared"
)

# What decides the answers, and so the artifact's hash.
HASHED = (CONFIG, WEIGHTS, TOKENIZER)


@dataclass(frozen=True)
class Artifact:
    """A loaded model directory: its name, the hash of all that decides its answers, the model."""

    name: str
    sha256: str
    classifier: Classifier


def save(
    directory: Path,
    classifier: Classifier,
    *,
    golden_text: str,
    card: str,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write an artifact with weights in ``dtype``.

    config.json comes last, so that half an artifact never looks whole. Raises OSError.
    """
    config = classifier.config
    state = classifier.network.state_dict()
    tensors = {name: tensor.cpu().to(dtype) for name, tensor in state.items()}
    stored = replace(classifier, network=network_of(config, tensors))
    golden = Golden.of(stored, golden_text)
    content = {
        WEIGHTS: safetensors.torch.save(tensors, metadata={"format": "pt"}),
        TOKENIZER: classifier.tokenizer.to_json().encode(),
        GOLDEN: golden.model_dump_json(indent=2).encode() + b"\n",
        CONFIG: config.model_dump_json(indent=2).encode() + b"\n",
    }
    write_all(directory, content, card)


def load(directory: Path) -> Artifact:
    """Load an artifact onto the CPU, in float32, ready to predict.

    What is not shown of it, the log says. Raises ArtifactError with one sentence that says what is
    wrong with the directory.
    """
    files, config = read(directory)
    loaded = understand(files, config)
    if files.sums is None:
        logger.warning("%s has no %s: nothing shows that it is whole", directory, MANIFEST)
    if config.unverified:
        logger.warning("%s is %s", directory, UNVERIFIED)
    return loaded


def understand(files: Files, config: ModelConfig) -> Artifact:
    """Make an artifact of its files; ArtifactError says what is wrong with them."""
    directory = files.directory
    golden = files.parse(GOLDEN, Golden)
    tokenizer = read_tokenizer(files, config)
    classifier = Classifier(config, read_network(files, config), tokenizer)
    reproduce(directory, classifier, golden)
    return Artifact(name_of(directory), sha256(files), classifier)


def read(directory: Path) -> tuple[Files, ModelConfig]:
    """Read the files of an artifact, the model card aside, and its config."""
    files = open_files(directory)
    config = files.parse(CONFIG, ModelConfig)
    files.read(sizes(config))
    return files, config


def open_files(directory: Path) -> Files:
    """Open the files of an artifact, of which only the config is read."""
    names = (CONFIG, WEIGHTS, TOKENIZER, GOLDEN)
    return Files.open(directory, names, "a model directory", "conveyor train")


def sizes(config: ModelConfig) -> dict[str, int]:
    """Return how many bytes the other files can have."""
    expected = _empty_network(config).state_dict()
    return sizes_for(config.vocab_size, expected) | {GOLDEN: JSON_BYTES}


def sha256(files: Files) -> str:
    """Hash all that decides an artifact's answers: its identity."""
    digests = (hashlib.sha256(files.content[name]).digest() for name in HASHED)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def read_tokenizer(files: Files, config: ModelConfig) -> Tokenizer:
    """Read the tokenizer; ArtifactError says where it does not fit the config."""
    tokenizer = files.tokenizer(config.vocab_size)
    if tokenizer.unk_id not in {None, config.unk_token_id}:
        raise ArtifactError(
            f"{files.directory / TOKENIZER} has the unknown token at {tokenizer.unk_id}, but "
            f"{CONFIG} says {config.unk_token_id}."
        )
    return tokenizer


def read_network(files: Files, config: ModelConfig) -> LSTMClassifier:
    """Read the network; ArtifactError names a tensor that does not fit the config."""
    tensors = files.tensors()
    try:
        return network_of(config, tensors)
    except ValueError as error:
        raise files.not_valid(WEIGHTS, str(error)) from None


def network_of(config: ModelConfig, tensors: dict[str, Tensor]) -> LSTMClassifier:
    """Make a network of these weights, upcast to float32; ValueError names a wrong tensor."""
    network = _empty_network(config)
    network.load_state_dict(checked(tensors, network.state_dict(), CONFIG), assign=True)
    return network.eval().requires_grad_(False)


def _empty_network(config: ModelConfig) -> LSTMClassifier:
    """Make the shapes of a network alone: a wrong config must not allocate what it asks for."""
    with torch.device("meta"):
        return LSTMClassifier(config)
