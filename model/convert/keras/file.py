"""A Keras model's file: the configuration of its layers, and their weights.

A `.keras` file is a zip archive of ``config.json`` and ``model.weights.h5``; a whole-model `.h5` is
one HDF5 file, with the configuration as an attribute. Both are read as data, without Keras. How
much there is to unpack is checked before, and nothing is read that lies outside of the file.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from conveyor.model.convert.network import Array
from conveyor.model.errors import ConversionError

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = frozenset({"metadata.json", CONFIG, WEIGHTS})
ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"

# Keras does not pack its archives. Who does it later finds that weights hardly become smaller, and
# that a configuration is small.
PACKED_AT_MOST = 4
CONFIG_AT_MOST = 2**24

# The errors that h5py raises where a file is damaged.
BROKEN = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class KerasFile:
    """A model's configuration, and the HDF5 file with its weights, of so many bytes.

    ``legacy`` is the whole-model `.h5`, which lists each layer's weights under its name.
    """

    config: Any
    hdf5: h5py.File
    size: int
    legacy: bool

    def weight(self, layer: str, group: str, place: tuple[str, int]) -> tuple[str, Array]:
        """Read one weight of a layer: its name in the file, and its numbers.

        ``group`` is where the layer's weights are in an archive; ``place`` is where this one is
        there, and its number among all of the layer. Raises ConversionError.
        """
        path = f"layers/{group}/{place[0]}"
        try:
            if self.legacy:
                names = self.hdf5["model_weights"][layer].attrs["weight_names"]
                path = f"model_weights/{layer}/{_text(names[place[1]])}"
            return path, self._numbers(path)
        except (IndexError, *BROKEN) as error:
            raise ConversionError(
                f"it has no weights {path} for its layer {layer} ({_clause(error)})"
            ) from None

    def _numbers(self, path: str) -> Array:
        node: Any = self.hdf5
        for name in path.split("/"):
            if not isinstance(node.get(name, getlink=True), h5py.HardLink):
                raise KeyError("it is not there, or only a link to elsewhere")
            node = node[name]
        if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
            raise TypeError("it is not a dataset of its own")
        if node.dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
            raise TypeError(f"it holds {node.dtype}, not float32 or float64")
        if node.nbytes > min(self.size, node.id.get_storage_size()):
            raise ValueError(f"it claims the shape {node.shape}, which is more than the file holds")
        return np.asarray(node)


@contextmanager
def opened(path: Path) -> Iterator[KerasFile]:
    """Open a file for reading. Raises ConversionError."""
    try:
        with path.open("rb") as file:
            start = file.read(len(HDF5))
            if start == HDF5:
                with _hdf5(path) as hdf5:
                    config = _legacy_config(hdf5)
                    yield KerasFile(config, hdf5, path.stat().st_size, legacy=True)
            elif start.startswith(ZIP):
                config, weights = _unpacked(path)
                with _hdf5(io.BytesIO(weights)) as hdf5:
                    yield KerasFile(config, hdf5, len(weights), legacy=False)
            else:
                raise ConversionError("it is neither a .keras archive nor HDF5")
    except OSError as error:
        raise ConversionError(f"it cannot be read: {error.strerror or error}") from None


def _hdf5(file: Path | io.BytesIO) -> h5py.File:
    try:
        return h5py.File(file, "r")
    except BROKEN as error:
        raise ConversionError(f"its weights are no whole HDF5 file ({_clause(error)})") from None


def _legacy_config(hdf5: h5py.File) -> Any:  # noqa: ANN401 - JSON
    try:
        config = hdf5.attrs.get("model_config")
    except BROKEN as error:
        raise ConversionError(f"its configuration cannot be read ({_clause(error)})") from None
    if config is None:
        raise ConversionError(
            "it holds weights alone, and nothing says what they belong to: give the .keras file "
            "that model.save() writes"
        )
    return _json(_text(config))


def _unpacked(path: Path) -> tuple[Any, bytes]:
    """Unpack the configuration and the weights of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check(infos, path.stat().st_size)
            content = {}
            for info in infos:
                with archive.open(info) as member:
                    content[info.filename] = member.read(info.file_size)  # and not a byte more
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        raise ConversionError(f"it is no whole archive ({_clause(error)})") from None
    return _json(content[CONFIG]), content[WEIGHTS]


def _check(infos: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise ConversionError unless an archive holds what Keras puts there, in a sensible size."""
    names = [info.filename for info in infos]
    for name in sorted({CONFIG, WEIGHTS} - set(names)):
        raise ConversionError(f"it has no {name}: give the .keras file that model.save() writes")
    for name in names:
        if name not in MEMBERS or names.count(name) > 1:
            raise ConversionError(f"it holds {name!r}, which no LSTM classifier's archive has once")
    if any(info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for info in infos):
        raise ConversionError("it is packed in a way that Keras does not use")
    declared = sum(info.file_size for info in infos)
    config = next(info.file_size for info in infos if info.filename == CONFIG)
    if declared > size * PACKED_AT_MOST + CONFIG_AT_MOST or config > CONFIG_AT_MOST:
        raise ConversionError(
            f"it would unpack to {declared:,} bytes, far more than the {size:,} of the file can be"
        )


def _json(text: str | bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"its configuration is no JSON ({_clause(error)})") from None


def _text(value: Any) -> str:  # noqa: ANN401 - an attribute of HDF5
    return value.decode() if isinstance(value, bytes) else str(value)


def _clause(error: Exception) -> str:
    """Return an error's message in one line."""
    return " ".join(str(error.args[0] if error.args else type(error).__name__).split())
