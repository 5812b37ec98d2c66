"""A model directory: config.json, model.safetensors, tokenizer.json, golden.json, README.md.

No file of it can run code. Loading is strict: what is missing, unexpected, misshapen or not what
the directory promised is named in one sentence. A manifest, SHA256SUMS, shows that the files are
those that were written.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from model.classifier import Classifier
from model.config import ModelConfig
from model.errors import ArtifactError
from model.files import name_of, read_bytes
from model.manifest import MANIFEST, MANIFEST_BYTES, digest, manifest, read_manifest
from model.network import LSTMClassifier
from model.selection import Selection
from model.tokenizer import Tokenizer
from model.trial import panics_as_errors, try_out

logger = logging.getLogger("conveyor.model")

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
GOLDEN = "golden.json"
CARD = "README.md"

UNVERIFIED = (
    "unverified against its source: whether something stands between its tensors that they do not "
    "tell, such as an activation before or after the head, how its states are pooled, and how "
    "texts become tokens was not compared"
)

# What decides the answers, and so the artifact's hash.
HASHED = (CONFIG, WEIGHTS, TOKENIZER)

# Processors and thread counts differ in the order of sums: a few 1e-6 in float32.
GOLDEN_TOLERANCE = 1e-4
GOLDEN_UNITS = 4

STORED_IN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

# How large files may be, in bytes: such a JSON file of a few numbers, a tokenizer for each of its
# entries, and what stands in front of the tensors.
JSON_BYTES = 2**24
ENTRY_BYTES = 2**10
HEADER_BYTES = 2**24
NUMBER_BYTES = 8

Parsed = TypeVar("Parsed", bound=BaseModel)


class Golden(BaseModel):
    """An example that was computed when the artifact was made, and must come out again at load.

    ``hidden`` and ``cell`` hold, for every layer and direction, the first few units after the
    text's last token; ``cell`` is empty where there is no belt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    ids: list[int]
    probabilities: list[float]
    hidden: list[list[float]]
    cell: list[list[float]]

    @classmethod
    def of(cls, classifier: Classifier, text: str) -> "Golden":
        """What the classifier makes of a text today."""
        encoding = classifier.encode([text])[0].last(classifier.config.max_tokens)
        last = Selection(
            tensors=("hidden", "cell"), units=list(range(GOLDEN_UNITS)), steps=slice(-1, None)
        )
        trace = classifier.trace([encoding], last)[0]
        return cls(
            text=text,
            ids=encoding.ids,
            probabilities=trace.probabilities.tolist(),
            hidden=[layer.tensors["hidden"].ravel().tolist() for layer in trace.layers],
            cell=[
                layer.tensors["cell"].ravel().tolist()
                for layer in trace.layers
                if "cell" in layer.tensors
            ],
        )

    def difference(self, other: "Golden") -> str | None:
        """The first field in which another golden example differs from this one."""
        if self.ids != other.ids:
            return "ids"
        for name in ("probabilities", "hidden", "cell"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if _shape(mine) != _shape(theirs) or not np.allclose(
                mine, theirs, atol=GOLDEN_TOLERANCE
            ):
                return name
        return None

    def distance(self, other: "Golden") -> float:
        """The largest difference of any number from that of another one of the same shape."""
        mine, theirs = ([*g.probabilities, *chain(*g.hidden, *g.cell)] for g in (self, other))
        return float(np.abs(np.subtract(mine, theirs)).max())


def _shape(numbers: list[float] | list[list[float]]) -> list[int]:
    return [len(row) if isinstance(row, list) else 1 for row in numbers]


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


def write_all(directory: Path, content: Mapping[str, bytes], card: str) -> None:
    """Write the files of a model directory, config last, their manifest before it. Raises OSError.

    Over another model's files too, an end in the middle leaves what is refused: the manifest is not
    that of all files until all are there.
    """
    *others, config = content
    directory.mkdir(parents=True, exist_ok=True)
    for name in others:
        write(directory / name, content[name])
    write(directory / CARD, card.encode())
    write(directory / MANIFEST, manifest(content))
    write(directory / config, content[config])


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, even if the power fails in between. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


@dataclass(frozen=True)
class Files:
    """The files of a model directory as they were read; each method understands one, strictly.

    All raise ArtifactError with one sentence that says what is wrong with a file. ``config`` is the
    file that says what the others should hold, and so how large they can be. ``sums`` are the
    hashes of the manifest; None where there is none.
    """

    directory: Path
    config: str
    needs: str
    sums: dict[str, str] | None
    content: dict[str, bytes]

    @classmethod
    def open(cls, directory: Path, names: Sequence[str], what: str, maker: str) -> Self:
        """Read config, the first of these names, in a directory that a command has made."""
        if not directory.is_dir():
            raise ArtifactError(
                f"{directory} is not a directory: give one that `{maker}` has written."
            )
        needs = f"{what} holds {', '.join(names[:-1])} and {names[-1]}"
        files = cls(directory, names[0], needs, _sums(directory), {})
        files.read({names[0]: JSON_BYTES})
        return files

    def read(self, most: Mapping[str, int]) -> None:
        """Read these files, each of so many bytes at most, and see that they are as written."""
        for name, size in most.items():
            content = self._read(self.directory / name, size)
            if self.sums is not None and self.sums.get(name) != digest(content):
                raise self._not_as_written(name)
            self.content[name] = content

    def _read(self, path: Path, most: int) -> bytes:
        try:
            return read_bytes(path, most)
        except FileNotFoundError:
            raise ArtifactError(f"{path} is missing: {self.needs}.") from None
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}.") from None

    def _not_as_written(self, name: str) -> ArtifactError:
        return ArtifactError(
            f"{self.directory / name} is not as it was written, as {MANIFEST} has another SHA-256, "
            "or none, of it: copy the model again, or, if somebody has changed it on purpose, "
            f"remove {MANIFEST} or write that anew."
        )

    def parse(self, name: str, model: type[Parsed]) -> Parsed:
        """What this JSON file says."""
        try:
            return model.model_validate_json(self.content[name])
        except ValidationError as error:
            raise self.not_valid(name, describe(error)) from None

    def tokenizer(self, vocab_size: int) -> Tokenizer:
        """The tokenizer, if its entries are the ids below ``vocab_size``."""
        try:
            with panics_as_errors():
                tokenizer = Tokenizer.from_json(self.content[TOKENIZER].decode())
        except ValueError as error:
            raise self.not_valid(TOKENIZER, str(error)) from None
        if tokenizer.ids != list(range(vocab_size)):
            raise ArtifactError(
                f"{self.directory / TOKENIZER} has {len(tokenizer.ids)} entries, which are not the "
                f"ids 0 to {vocab_size - 1} that {self.config} asks for: they belong to different "
                "models."
            )
        try:
            try_out(tokenizer)
        except ValueError as error:
            raise self.not_valid(TOKENIZER, str(error)) from None
        return tokenizer

    def tensors(self) -> dict[str, Tensor]:
        """All tensors as they are stored."""
        try:
            return safetensors.torch.load(self.content[WEIGHTS])
        except (SafetensorError, ValueError) as error:
            raise self.not_valid(WEIGHTS, str(error)) from None

    def not_valid(self, name: str, why: str) -> ArtifactError:
        """The error that says that this file is not valid, and why."""
        return ArtifactError(f"{self.directory / name} is not valid: {why}.")


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
    """The artifact that these files hold; ArtifactError says what is wrong with them."""
    directory = files.directory
    golden = files.parse(GOLDEN, Golden)
    tokenizer = read_tokenizer(files, config)
    classifier = Classifier(config, read_network(files, config), tokenizer)
    reproduce(directory, classifier, golden)
    return Artifact(name_of(directory), sha256(files), classifier)


def read(directory: Path) -> tuple[Files, ModelConfig]:
    """The files of an artifact, the model card aside, which nothing depends on, and its config."""
    files = open_files(directory)
    config = files.parse(CONFIG, ModelConfig)
    files.read(sizes(config))
    return files, config


def open_files(directory: Path) -> Files:
    """The files of an artifact, of which only the config is read."""
    names = (CONFIG, WEIGHTS, TOKENIZER, GOLDEN)
    return Files.open(directory, names, "a model directory", "conveyor train")


def sizes(config: ModelConfig) -> dict[str, int]:
    """How many bytes the other files can have."""
    expected = _empty_network(config).state_dict()
    return sizes_for(config.vocab_size, expected) | {GOLDEN: JSON_BYTES}


def sizes_for(vocab_size: int, expected: Mapping[str, Tensor]) -> dict[str, int]:
    """How many bytes a tokenizer of this size, and tensors of these shapes, can have."""
    numbers = sum(tensor.numel() for tensor in expected.values())
    return {
        WEIGHTS: NUMBER_BYTES * numbers + HEADER_BYTES,
        TOKENIZER: ENTRY_BYTES * vocab_size + JSON_BYTES,
    }


def sha256(files: Files) -> str:
    """The identity of an artifact: a hash of all that decides its answers."""
    digests = (hashlib.sha256(files.content[name]).digest() for name in HASHED)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def read_tokenizer(files: Files, config: ModelConfig) -> Tokenizer:
    """The tokenizer, if it fits the config; ArtifactError says where it does not."""
    tokenizer = files.tokenizer(config.vocab_size)
    if tokenizer.unk_id not in {None, config.unk_token_id}:
        raise ArtifactError(
            f"{files.directory / TOKENIZER} has the unknown token at {tokenizer.unk_id}, but "
            f"{CONFIG} says {config.unk_token_id}."
        )
    return tokenizer


def read_network(files: Files, config: ModelConfig) -> LSTMClassifier:
    """The network, if its tensors fit the config; ArtifactError names one that does not."""
    tensors = files.tensors()
    try:
        return network_of(config, tensors)
    except ValueError as error:
        raise files.not_valid(WEIGHTS, str(error)) from None


def reproduce(directory: Path, classifier: Classifier, golden: Golden) -> float:
    """Compute the golden example again: the largest difference, which is within the tolerance.

    Raises ArtifactError where it is not.
    """
    try:
        with panics_as_errors():
            today = Golden.of(classifier, golden.text)
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises Exception itself
        raise ArtifactError(f"{directory} cannot read its golden example: {error}.") from None
    if field := golden.difference(today):
        raise ArtifactError(
            f"{directory} does not give the {field} that {GOLDEN} holds: "
            "one of its files has changed, or belongs to another model."
        )
    return golden.distance(today)


def _sums(directory: Path) -> dict[str, str] | None:
    path = directory / MANIFEST
    try:
        return read_manifest(read_bytes(path, MANIFEST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ArtifactError(f"{path} is not valid: {error}.") from None


def network_of(config: ModelConfig, tensors: dict[str, Tensor]) -> LSTMClassifier:
    """The network with these weights, upcast to float32; ValueError names a wrong tensor."""
    network = _empty_network(config)
    network.load_state_dict(checked(tensors, network.state_dict(), CONFIG), assign=True)
    return network.eval().requires_grad_(False)


def _empty_network(config: ModelConfig) -> LSTMClassifier:
    """The shapes of a network alone: a wrong config must not allocate what it asks for."""
    with torch.device("meta"):
        return LSTMClassifier(config)


def checked(
    tensors: dict[str, Tensor], expected: dict[str, Tensor], config: str
) -> dict[str, Tensor]:
    """The tensors in float32, if they are of the expected names and shapes, and finite.

    ValueError names a wrong one; ``config`` is the file that asks for another.
    """
    for name in sorted(expected.keys() - tensors.keys()):
        raise ValueError(f"the tensor {name} is missing")
    for name in sorted(tensors.keys() - expected.keys()):
        raise ValueError(f"the tensor {name} is not part of the model that {config} describes")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"the tensor {name} has the shape {tuple(tensor.shape)}, but {config} asks for "
                f"{tuple(expected[name].shape)}"
            )
        if tensor.dtype not in STORED_IN:
            raise ValueError(f"the tensor {name} holds {tensor.dtype}, not floats of 16 to 64 bits")
    upcast = {name: tensor.to(torch.float32) for name, tensor in tensors.items()}
    for name, tensor in upcast.items():
        if not tensor.isfinite().all():
            raise ValueError(f"the tensor {name} holds NaN or infinity, in single precision")
    return upcast


def describe(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, in a clause: where, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
