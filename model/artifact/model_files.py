"""The files of a model directory: written whole, read strictly, checked against their manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import safetensors.torch
import torch
from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from conveyor.model.artifact.manifest import (
    MANIFEST,
    MANIFEST_BYTES,
    digest,
    manifest,
    read_manifest,
)
from conveyor.model.errors import ArtifactError, describe
from conveyor.model.files import read_bytes, write_atomically
from conveyor.model.text.smoke_test import panics_as_errors, smoke_test
from conveyor.model.text.tokenizer import Tokenizer

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
GOLDEN = "golden.json"
CARD = "README.md"

STORED_IN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

# How large files may be, in bytes: such a JSON file of a few numbers, a tokenizer for each of its
# entries, and what stands in front of the tensors.
JSON_BYTES = 2**24
ENTRY_BYTES = 2**10
HEADER_BYTES = 2**24
NUMBER_BYTES = 8

Parsed = TypeVar("Parsed", bound=BaseModel)


def write_all(directory: Path, content: Mapping[str, bytes], card: str) -> None:
    """Write the files of a model directory, config last, their manifest before it. Raises OSError.

    Over another model's files too, an end in the middle leaves what is refused: the manifest is not
    that of all files until all are there.
    """
    *others, config = content
    directory.mkdir(parents=True, exist_ok=True)
    for name in others:
        write_atomically(directory / name, content[name])
    write_atomically(directory / CARD, card.encode())
    write_atomically(directory / MANIFEST, manifest(content))
    write_atomically(directory / config, content[config])


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
        """Parse a JSON file."""
        try:
            return model.model_validate_json(self.content[name])
        except ValidationError as error:
            raise self.not_valid(name, describe(error)) from None

    def tokenizer(self, vocab_size: int) -> Tokenizer:
        """Parse the tokenizer, whose entries have to be the ids below ``vocab_size``."""
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
            smoke_test(tokenizer)
        except ValueError as error:
            raise self.not_valid(TOKENIZER, str(error)) from None
        return tokenizer

    def tensors(self) -> dict[str, Tensor]:
        """Parse all tensors, as they are stored."""
        try:
            return safetensors.torch.load(self.content[WEIGHTS])
        except (SafetensorError, ValueError) as error:
            raise self.not_valid(WEIGHTS, str(error)) from None

    def not_valid(self, name: str, why: str) -> ArtifactError:
        """Make the error that says that a file is not valid, and why."""
        return ArtifactError(f"{self.directory / name} is not valid: {why}.")


def sizes_for(vocab_size: int, expected: Mapping[str, Tensor]) -> dict[str, int]:
    """Return how many bytes a tokenizer of this size, and tensors of these shapes, can have."""
    numbers = sum(tensor.numel() for tensor in expected.values())
    return {
        WEIGHTS: NUMBER_BYTES * numbers + HEADER_BYTES,
        TOKENIZER: ENTRY_BYTES * vocab_size + JSON_BYTES,
    }


def checked(
    tensors: dict[str, Tensor], expected: dict[str, Tensor], config: str
) -> dict[str, Tensor]:
    """Convert tensors to float32, which have to be of the expected names and shapes, and finite.

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
        # Of NaN both are NaN. An answer for each number took more memory than the numbers.
        if not torch.stack(tensor.aminmax()).isfinite().all():
            raise ValueError(f"the tensor {name} holds NaN or infinity, in single precision")
    return upcast


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
