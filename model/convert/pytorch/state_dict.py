"""A state dict from a file, read without running or trusting anything in it."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from conveyor.model.artifact.model_files import STORED_IN
from conveyor.model.errors import ConversionError

# Where checkpoints keep the weights beside other things, the likeliest first.
HOLDERS = ("state_dict", "model_state_dict", "model")
SAVE = "save it again, by torch.save(model.state_dict(), path) or as safetensors"


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors file, or of what ``torch.save`` has written, by name.

    Raises ConversionError with one sentence; nothing of the file is run, whatever it holds.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix == ".safetensors":
        found: object = _read_safetensors(path)
    else:
        if zipped:
            _check_archive(path)
        found = _unpickle(path)
    tensors = _tensors(found, path)
    for name, tensor in tensors.items():
        _check(name, tensor, path)
    return tensors


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(path.read_bytes())  # load_file wants a name in UTF-8
    except (SafetensorError, ValueError, KeyError) as error:
        raise ConversionError(f"{path} is not a whole safetensors file: {error}.") from None


def _check_archive(path: Path) -> None:
    """Raise ConversionError if the records unpack to more than the file; PyTorch's never do."""
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ConversionError(f"{path} is not a whole PyTorch file: {error}.") from None
    if any(record.filename.endswith("/constants.pkl") for record in records):
        raise ConversionError(
            f"{path} is a TorchScript program, which is not run here: "
            f"load it with torch.jit.load and {SAVE}."
        )
    size = path.stat().st_size
    declared = sum(record.file_size for record in records)
    if declared > size or any(record.compress_type for record in records):
        raise ConversionError(
            f"{path} has {size:,} bytes and says that it unpacks to {declared:,}, but PyTorch does "
            f"not compress its files, so it was left packed: {SAVE}."
        )


def _unpickle(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken pickle can raise anything
        forbidden = _forbidden(str(error))
        if forbidden:
            raise ConversionError(
                f"{path} holds more than tensors: it asks for {forbidden}, which could run code, "
                "and nothing was run; if you trust it, load the model where its code is, and "
                f"{SAVE}."
            ) from None
        raise ConversionError(
            f"{path} is not a whole file of tensors that PyTorch has written: {SAVE}."
        ) from None


def _forbidden(message: str) -> str | None:
    """Return the forbidden global that a pickle asks for, from PyTorch's message."""
    for sign in ("unsupported GLOBAL ", "Unsupported global: GLOBAL "):
        _, found, rest = message.partition(sign)
        if found:
            return rest.split()[0]
    return "an object of another kind" if "Unsupported" in message and "class" in message else None


def _tensors(found: object, path: Path) -> dict[str, Tensor]:
    if _is_state_dict(found):
        return dict(found)
    if not isinstance(found, Mapping):
        raise ConversionError(
            f"{path} holds a {type(found).__name__}, not a state dict of tensors by name: {SAVE}."
        )
    inside = {name: value for name, value in found.items() if _is_state_dict(value)}
    likely = [name for name in HOLDERS if name in inside] or list(inside)
    if len(likely) == 1 or likely[:1] in ([name] for name in HOLDERS):
        return dict(inside[likely[0]])
    if likely:
        raise ConversionError(
            f"{path} holds several state dicts ({', '.join(map(str, likely))}): save the one that "
            "is the model's by itself."
        )
    other = [name for name, value in found.items() if not isinstance(value, Tensor)]
    what = f"{other[0]!r} in it is no tensor" if other else "it is empty"
    raise ConversionError(f"{path} is not a state dict of tensors by name, as {what}: {SAVE}.")


def _is_state_dict(value: object) -> TypeGuard[Mapping[str, Tensor]]:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and name.isprintable() for name in value)
        and all(isinstance(tensor, Tensor) for tensor in value.values())
    )


def _check(name: str, tensor: Tensor, path: Path) -> None:
    """Raise ConversionError if a tensor is not what its shape says."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise ConversionError(
            f"{name} in {path} is not a plain tensor with its numbers (it is sparse, quantized or "
            f"without data): {SAVE}."
        )
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        raise ConversionError(
            f"{name} in {path} has the shape {tuple(tensor.shape)}, which is more numbers than the "
            "file holds for it."
        )
    if tensor.dtype in STORED_IN and not tensor.isfinite().all():
        raise ConversionError(f"{name} in {path} holds NaN or infinity.")
