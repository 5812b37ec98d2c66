"""Which file of a model is read, by what, and what lies beside it."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path

from model.convert.json_file import read_json
from model.convert.pytorch import converter
from model.convert.source import Hints, Source
from model.errors import ConversionError
from model.files import check_regular

# What a directory in the convention of model hubs has its weights in, the first that is there.
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.keras", "model.onnx")
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
# Each of these imports an optional extra, and its files say themselves what a network does.
GRAPHS = {
    ".keras": "model.convert.keras.converter",
    ".h5": "model.convert.keras.converter",
    ".hdf5": "model.convert.keras.converter",
    ".onnx": "model.convert.onnx.converter",
}


@dataclass(frozen=True)
class SiblingFiles:
    """What the files beside a model's say of it."""

    tokenizer: Path | None = None
    labels: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def find(path: Path) -> Path:
    """The file of a model that is given as a file, or as the directory that holds it.

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
    """The model in a file, read by what its name ends with. Raises ConversionError."""
    try:
        check_regular(path)
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from None
    suffix = path.suffix.lower()
    if suffix in converter.SUFFIXES:
        return converter.read(path, hints)
    if suffix not in GRAPHS:
        known = ", ".join([*converter.SUFFIXES, *GRAPHS])
        raise ConversionError(f"{path} is of no kind that is known here: they are {known}.")
    if hints != Hints():
        raise ConversionError(
            f"{path} says itself what is what and how it pools: leave out --key-map and --pooling."
        )
    source: Source = importlib.import_module(GRAPHS[suffix]).read(path)
    return source


def look_beside(path: Path, source: Source) -> SiblingFiles:
    """What config.json and tokenizer.json beside a model's file say. Raises ConversionError."""
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
    found = read_json(path) if path.exists() else {}
    if not isinstance(found, dict):
        raise ConversionError(f"{path} is no JSON object.")
    return found


def _labels(config: dict[str, object]) -> list[str] | None:
    """The names of a config's id2label, in order, if it numbers them 0, 1, 2, ..."""
    named = config.get("id2label")
    if not isinstance(named, dict):
        return None
    labels = [named.get(str(number)) for number in range(len(named))]
    return [label for label in labels if isinstance(label, str)]
