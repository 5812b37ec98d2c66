"""Rows of a data set of the Hugging Face hub. Needs the ``hub`` extra, datasets."""

import hashlib
from collections.abc import Iterator
from typing import Any

from model import interruption
from model.data.formats import HUB
from model.data.parquet import pyarrow
from model.data.rows import (
    ROW_BYTES,
    UNLABELLED,
    BadRow,
    Columns,
    Row,
    check_columns,
    unreadable,
)
from model.errors import DataError

# Rows that are made into Python's objects at once.
BATCH = 128


class HubRows:
    """The rows of ``hub:NAME@SPLIT``; without a split, those to train on.

    Numbers that stand for classes are read as the names of these; None is a class that nobody has
    told. Raises DataError if it cannot be loaded, or has no such columns.
    """

    headerless = False

    def __init__(self, source: str, columns: Columns = UNLABELLED) -> None:
        self._source = source
        self._text, *self._label = columns.names
        self._read = 0
        self._sha256 = hashlib.sha256()
        library = _datasets(source)
        self._rows = _loaded(library, source)
        self.columns: list[str] = self._rows.column_names
        check_columns(source, self.columns, columns)
        features = self._rows.features
        self._classes = {
            name: kind for name, kind in features.items() if isinstance(kind, library.ClassLabel)
        }
        names = dict.fromkeys(self._classes, library.Value("string"))
        self.schema = library.Features({**features, **names}).arrow_schema.remove_metadata()

    def __iter__(self) -> Iterator[Row | BadRow]:
        # As Arrow keeps them, whose types are the schema's: no picture or sound is decoded.
        batches = self._rows.with_format("arrow").iter(batch_size=BATCH)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                # All at once if they are small together, else one by one.
                step = len(batch) if batch.nbytes <= ROW_BYTES else 1
                for start in interruption.watched(range(0, len(batch), step)):
                    yield from self._batch(batch.slice(start, step))
            except (pyarrow().ArrowException, OSError, ValueError) as error:
                raise unreadable(self._source, error) from None

    def _batch(self, batch: Any) -> Iterator[Row | BadRow]:  # noqa: ANN401 - no stubs
        if len(batch) == 1 and batch.nbytes > ROW_BYTES:
            self._read += 1
            self._sha256.update(b"%d" % batch.nbytes)
            yield BadRow(
                f"{self._source}, row {self._read}: this row has {batch.nbytes:,} bytes, where "
                f"{ROW_BYTES:,} are the most."
            )
            return
        yield from map(self._row, batch.to_pylist())

    def _row(self, cells: dict[str, Any]) -> Row | BadRow:
        self._read += 1
        cells |= {name: _class_name(kind, cells[name]) for name, kind in self._classes.items()}
        # Labels of other kinds, too, are what they look like.
        cells |= {name: str(cells[name]) for name in self._label if cells[name] is not None}
        content = repr(cells).encode()
        self._sha256.update(content)
        place, text = f"{self._source}, row {self._read}", cells[self._text]
        if text is None:
            return BadRow(f"{place}: {self._text!r} is missing.")
        if not isinstance(text, str):
            return BadRow(f"{place}: {self._text!r} is not a text but {type(text).__name__}.")
        return Row(place, text, cells, size=len(content))

    def digest(self) -> str:
        """Return the SHA-256 of what stands in the rows."""
        return self._sha256.hexdigest()

    def share(self) -> float | None:
        """Return how much of the data set was read so far, 0 to 1."""
        return self._read / len(self._rows) if len(self._rows) else 1.0


def _datasets(source: str) -> Any:  # noqa: ANN401 - no stubs
    try:
        import datasets  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError(
            f"{source} needs the datasets library: pip install 'datasets>=5.2,<6'."
        ) from None
    return datasets


def _loaded(library: Any, source: str) -> Any:  # noqa: ANN401 - no stubs
    name, _, split = source.removeprefix(HUB).partition("@")
    try:
        return library.load_dataset(name, split=split or "train")
    except Exception as error:  # noqa: BLE001 - the library has no base error of its own
        interruption.check()  # it may have waited for a long time
        raise DataError(f"{source} cannot be loaded: {' '.join(str(error).split())}") from None


def _class_name(kind: Any, number: int | None) -> str | None:  # noqa: ANN401 - no stubs
    """Name a class; -1 marks what nobody has labelled."""
    if number is None or number < 0:
        return None
    name: str = kind.int2str(number)
    return name
