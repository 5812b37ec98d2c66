"""Rows of a data set of the Hugging Face hub. Needs the ``hub`` extra, datasets."""

from collections.abc import Iterator
from typing import Any

from conveyor.model import interruption
from conveyor.model.data.arrow import ArrowRows
from conveyor.model.data.formats import HUB
from conveyor.model.data.rows import (
    UNLABELLED,
    BadRow,
    Columns,
    Row,
    check_columns,
)
from conveyor.model.errors import DataError
from conveyor.model.extras import install_command

# Rows that are made into Python's objects at once.
BATCH = 128


class HubRows(ArrowRows):
    """The rows of ``hub:NAME@SPLIT``; without a split, those to train on.

    Numbers that stand for classes are read as the names of these; None is a class that nobody has
    told. Raises DataError if it cannot be loaded, or has no such columns.
    """

    def __init__(self, source: str, columns: Columns = UNLABELLED) -> None:
        library = _datasets(source)
        super().__init__(source)
        self._text, *self._label = columns.names
        self._rows = _loaded(library, source)
        self.columns: list[str] = self._rows.column_names
        check_columns(source, self.columns, columns)
        features = self._rows.features
        self._classes = {
            name: kind for name, kind in features.items() if isinstance(kind, library.ClassLabel)
        }
        names = dict.fromkeys(self._classes, library.Value("string"))
        self.schema = library.Features({**features, **names}).arrow_schema.remove_metadata()

    def _batches(self) -> Iterator[Any]:
        # As Arrow keeps them, whose types are the schema's: no picture or sound is decoded.
        return iter(self._rows.with_format("arrow").iter(batch_size=BATCH))

    def _row(self, cells: dict[str, Any], size: int) -> Row | BadRow:
        cells |= {name: _class_name(kind, cells[name]) for name, kind in self._classes.items()}
        # Labels of other kinds, too, are what they look like.
        cells |= {name: str(cells[name]) for name in self._label if cells[name] is not None}
        self._sha256.update(repr(cells).encode())
        text = cells[self._text]
        if text is None:
            return BadRow(f"{self._place}: {self._text!r} is missing.")
        if not isinstance(text, str):
            return BadRow(f"{self._place}: {self._text!r} is not a text but {type(text).__name__}.")
        return Row(self._place, text, cells, size=size)

    def _count(self) -> int:
        return len(self._rows)


def _datasets(source: str) -> Any:  # noqa: ANN401 - no stubs
    try:
        import datasets  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError(f"{source} needs the datasets library: {install_command('hub')}.") from None
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
