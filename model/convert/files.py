"""The files of a model: the one with its weights, its converter, and the files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conveyor.model.convert.json_file import read_json
from conveyor.model.convert.keras.converter import read_keras
from conveyor.model.convert.onnx.converter import read_onnx
from conveyor.model.convert.pytorch.converter import read_pytorch
from conveyor.model.convert.source import Converter, Hints, Source
from conveyor.model.errors import ConversionError
from conveyor.model.files import check_regular

# The weights in a directory in the convention of model hubs: the first of these that is there.
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.keras", "model.onnx")
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
CONVERTERS: Mapping[str, Converter] = {
    ".safetensors": read_pytorch,
    ".pt": read_pytorch,
    ".pth": read_pytorch,
    ".bin": read_pytorch,
    ".ckpt": read_pytorch,
    ".keras": read_keras,
    ".h5": read_keras,
    ".hdf5": read_keras,
    ".onnx": read_onnx,
}


@dataclass(frozen=True)
class SiblingFiles:
    """The content of the files beside a model's."""

    tokenizer: Path | None = None
    labels: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def find(path: Path) -> Path:
    """Return the file of a model that is given as a file, or as the directory that holds it.

    Raises ConversionError.
    """
    if not path.is_dir():
        return path
    found = next((path / name for name in WEIGHTS if (path / name).exists()), None)
    if found is None:
        raise ConversionError(
            f"{path} has none of {', '.join(WEIGHTS)}: give the file that the weights are in."
        )
    return found


def read(path: Path, hints: Hints) -> Source:
    """Read a model by the converter for its file's suffix. Raises ConversionError."""
    try:
        check_regular(path)
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from None
    converter = CONVERTERS.get(path.suffix.lower())
    if converter is None:
        raise ConversionError(f"Unsupported file type: {path}; use {', '.join(CONVERTERS)}.")
    return converter(path, hints)


def read_siblings(path: Path, source: Source) -> SiblingFiles:
    """Read config.json and tokenizer.json beside a model's file. Raises ConversionError."""
    tokenizer = path.with_name(TOKENIZER)
    config = _config(path.with_name(CONFIG))
    notes = []
    units = source.shape.hidden_size
    if source.shape.bidirectional and config.get("hidden_size") == 2 * units:
        notes.append(
            f"{CONFIG} says hidden_size {2 * units}, which counts both directions: each has "
            f"{units} units."
        )
    length = config.get("max_seq_length")
    if isinstance(length, int):
        notes.append(
            f"{CONFIG} says max_seq_length {length}: the source cut, and perhaps padded, its texts "
            "to that; here they are read as they are, up to --max-tokens."
        )
    return SiblingFiles(tokenizer if tokenizer.exists() else None, _labels(config), notes)


def _config(path: Path) -> dict[str, object]:
    config = read_json(path) if path.exists() else {}
    if not isinstance(config, dict):
        raise ConversionError(f"{path} is no JSON object.")
    return config


def _labels(config: dict[str, object]) -> list[str] | None:
    """Return the names of a config's id2label, in order, if it numbers them 0, 1, 2, ..."""
    named = config.get("id2label")
    if not isinstance(named, dict):
        return None
    labels = [named.get(str(number)) for number in range(len(named))]
    return [label for label in labels if isinstance(label, str)]
