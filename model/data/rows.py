"""Rows with texts, one after the other, however many there are and whatever they are read from.

A row that is broken is a value among the others, a `BadRow`, so that who reads them can go on
behind it. Only what leaves in the dark where the next row begins is raised.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from conveyor.model.errors import DataError

TEXT, LABEL = "text", "label"

# The longest row, in bytes as they are unpacked: a few long books. Nothing is read beyond it before
# that is said, so a row that is packed a thousandfold costs no more.
ROW_BYTES = 2**23
# As many as a spreadsheet of Excel's has.
MOST_COLUMNS = 16_384
# Of so many names a sentence tells.
LISTED = 20

T = TypeVar("T")


class BadRow(DataError):
    """A row that cannot be used; those behind it can."""


@dataclass(frozen=True)
class Columns:
    """Columns that are read: of the text and, of labelled rows, of the label.

    None is the default name, if the columns have names.
    """

    text: str | None = None
    label: str | None = None
    labelled: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the text column and, if it is read, that of the label column."""
        return (self.text or TEXT, self.label or LABEL)[: 1 + self.labelled]

    @property
    def named(self) -> bool:
        """True if somebody has named any of them."""
        return self.text is not None or self.label is not None


LABELLED, UNLABELLED = Columns(), Columns(labelled=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text: where it stands, for people, and its cells by their columns."""

    place: str
    text: str
    cells: Mapping[str, Any]
    json: str = ""  # the whole row as it was read, if it was JSON
    size: int = field(default=0, compare=False)  # in bytes

    def cell(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return the cell of this column. Raises BadRow if there is none."""
        if name not in self.cells:
            raise self.error(f"there is no {name!r}, only {listed(self.cells)}")
        return self.cells[name]

    def error(self, sentence: str) -> BadRow:
        """Make an error that says what is wrong with this row."""
        return BadRow(f"{self.place}: {sentence}.")


class Rows(Protocol):
    """A file's rows in their order. They can be gone through once."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The names of the columns; None where each row names its own."""

    @property
    def headerless(self) -> bool:
        """True if the columns have no names of their own: the first row holds a text already."""

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Read on. Raises DataError where no further row can be read."""

    def digest(self) -> str:
        """Return a hash of all that was read so far."""

    def share(self) -> float | None:
        """Return how much of the file was read so far, 0 to 1; None where nobody knows its size."""


def good(rows: Iterable[T | BadRow]) -> Iterator[T]:
    """Yield the rows, and raise the first one that is bad."""
    for row in rows:
        if isinstance(row, BadRow):
            raise row
        yield row


def check_columns(source: str, there: Sequence[str], columns: Columns) -> None:
    """Raise DataError unless each column that is read is there, once."""
    for name in columns.names:
        if there.count(name) != 1:
            raise DataError(f"{source} has no column {name!r}; the columns are {listed(there)}.")


def unreadable(source: str, error: Exception) -> DataError:
    """Make an error that says why nothing can be read from there."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataError(f"{source} cannot be read: {' '.join(reason.split())}.")


def listed(names: Iterable[str]) -> str:
    """Join names for a sentence, at most the first 20 of them."""
    names = list(names)
    more = [f"and {len(names) - LISTED:,} more"] * (len(names) > LISTED)
    return ", ".join([*(repr(name[:40]) for name in names[:LISTED]), *more]) or "none"
