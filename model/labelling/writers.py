"""Rows with their labels, as the bytes of a .csv, .tsv or .jsonl file, some rows at a time.

The columns of the input come first and as they were; a JSON object keeps even its spelling. What is
made of some rows depends on them alone (and the first ones), so that a file can be written in
pieces, and the pieces are the same whenever they are made.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
import orjson

from conveyor.model.arrays import Floats
from conveyor.model.data.formats import TSV
from conveyor.model.data.rows import MOST_COLUMNS, Row, listed
from conveyor.model.errors import DataError


@dataclass(frozen=True)
class AddedColumns:
    """The columns that are added: the best label, its score and, if wanted, the scores of all."""

    labels: tuple[str, ...]
    prefix: str = ""  # of all names of columns that are added
    all_scores: bool = False

    @property
    def label(self) -> str:
        """The name of the column of the best label."""
        return f"{self.prefix}label"

    @property
    def score(self) -> str:
        """The name of the column of its score."""
        return f"{self.prefix}score"

    @property
    def scores(self) -> str:
        """The name of the object of all scores, by label."""
        return f"{self.prefix}scores"

    @property
    def columns(self) -> list[str]:
        """The names of all columns that a table gets."""
        each = [f"{self.score}_{label}" for label in self.labels] if self.all_scores else []
        return [self.label, self.score, *each]

    def cells(self, row: Floats) -> list[Any]:
        """Return their cells for the probabilities (labels,) of one text."""
        best = int(row.argmax())
        return [self.labels[best], row[best], *(row if self.all_scores else ())]

    def object(self, row: Floats) -> dict[str, Any]:
        """Return the same as a JSON object gets it."""
        best = int(row.argmax())
        said: dict[str, Any] = {self.label: self.labels[best], self.score: row[best]}
        if self.all_scores:
            said[self.scores] = dict(zip(self.labels, row, strict=True))
        return said


class Writer(Protocol):
    """A writer of labelled rows in one format."""

    def begin(self, columns: Sequence[str] | None, rows: Sequence[Row]) -> None:
        """Take the columns of the input (None where each row names its own), and its first rows.

        Raises DataError for what cannot be written at all.
        """

    def refusal(self, row: Row) -> str | None:
        """Tell why this row cannot be written, as a clause; None if it can."""

    def head(self) -> bytes:
        """Return the bytes that a file begins with."""

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """Return the rows with their labels by the probabilities (N, labels)."""


@dataclass
class JsonLinesWriter:
    """A JSON object in each line."""

    added: AddedColumns

    def begin(self, columns: Sequence[str] | None, _rows: Sequence[Row]) -> None:
        """Check that no column is there twice."""
        check_names(columns or (), self.added.object(np.zeros(len(self.added.labels), "f4")))

    def refusal(self, row: Row) -> str | None:
        """Refuse an object that has such a column itself, and what JSON has no form for."""
        if row.json:
            added = (self.added.label, self.added.score, self.added.scores)
            there = [name for name in added[: 2 + self.added.all_scores] if name in row.cells]
            return _there_already(there[0]) if there else None
        return unwritable(row.cells)

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """Return an object for each row, with what it had first."""
        return b"".join(
            b"%s,%s\n" % (_opened(row), dumped(self.added.object(said))[1:])
            for row, said in zip(rows, probabilities, strict=True)
        )


def _opened(row: Row) -> bytes:
    """Return the row as a JSON object without its end; it has a text at least."""
    content = row.json.encode() if row.json else dumped(row.cells)
    return content.rstrip()[:-1].rstrip()


class _Written:
    """The lines that `csv.writer` writes. Each line ends in a line feed.

    The writer has to believe that it ends in CR LF: else it leaves a cell with a lone CR without
    quotes, and no reader takes that.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line.removesuffix("\r\n") + "\n")


@dataclass
class TableWriter:
    """A line for each row, below one that names the columns."""

    added: AddedColumns
    kind: str
    columns: list[str] = field(default_factory=list)

    def begin(self, columns: Sequence[str] | None, rows: Sequence[Row]) -> None:
        """Let the columns be these, or else those of the first row."""
        self.columns = table_columns(columns, rows)
        check_names(self.columns, self.added.columns)
        for name in (*self.columns, *self.added.columns, *self.added.labels):
            if self._breaks(name):
                raise DataError(
                    f"The name {name!r} holds a tab or a line break, which a .tsv has no form for: "
                    "write a .csv or .jsonl."
                )

    def refusal(self, row: Row) -> str | None:
        """Refuse other columns than the first row has, and in a .tsv tabs and line breaks."""
        if row.json and (clause := extra_columns(row, self.columns)):
            return clause
        if clause := unwritable(row.cells):
            return clause
        for name, value in row.cells.items():
            if self._breaks(value):
                return f"{name!r} holds a tab or a line break, which a .tsv has no form for"
        return None

    def head(self) -> bytes:
        """Return the names of the columns."""
        return self._lines([[*self.columns, *self.added.columns]])

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """Return a line for each row."""
        return self._lines(
            [
                *(cell(row.cells.get(name)) for name in self.columns),
                *map(str, self.added.cells(said)),
            ]
            for row, said in zip(rows, probabilities, strict=True)
        )

    def _breaks(self, value: object) -> bool:
        return self.kind == TSV and isinstance(value, str) and not {*"\t\r\n"}.isdisjoint(value)

    def _lines(self, rows: Iterable[Sequence[str]]) -> bytes:
        written = _Written()
        if self.kind == TSV:
            written.lines.extend("\t".join(row) + "\n" for row in rows)
        else:
            csv.writer(written).writerows(rows)
        return "".join(written.lines).encode()


@dataclass
class GzipWriter:
    """Another format in a .gz file, each piece a member of its own (RFC 1952, 2.2)."""

    format: Writer

    def begin(self, columns: Sequence[str] | None, rows: Sequence[Row]) -> None:
        """Begin as the format that is compressed."""
        self.format.begin(columns, rows)

    def refusal(self, row: Row) -> str | None:
        """Refuse what the format that is compressed does."""
        return self.format.refusal(row)

    def head(self) -> bytes:
        """Return a member, be it empty: without any, it would be no .gz file."""
        return _compressed(self.format.head())

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """Return a member."""
        return _compressed(self.format.body(rows, probabilities))


def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0)  # no time: the same bytes at any time


def table_columns(columns: Sequence[str] | None, rows: Sequence[Row]) -> list[str]:
    """Return the columns of a table; the input may name them in each row. Raises DataError."""
    names = list(columns if columns is not None else rows[0].cells if rows else ())
    if len(names) > MOST_COLUMNS:
        raise DataError(f"The first row has {len(names):,} columns: {MOST_COLUMNS:,} are the most.")
    return names


def check_names(there: Sequence[str], added: Iterable[str]) -> None:
    """Check that all columns can be told apart. Raises DataError."""
    counts = Counter(there)
    for name in there:
        if counts[name] > 1:
            raise DataError(
                f"There are several columns {name!r}, of {listed(there)}: "
                "give each a name of its own."
            )
    for name in added:
        if name in counts:
            raise DataError(f"{_there_already(name).capitalize()}.")


def _there_already(name: str) -> str:
    return (
        f"there is a column {name!r} already: give --prefix, such as --prefix predicted_, "
        "for the names of those that are added"
    )


def extra_columns(row: Row, columns: Sequence[str]) -> str | None:
    """Tell, as a clause, what a row has that the table has not; None if nothing."""
    known = frozenset(columns)
    more = [name for name in row.cells if name not in known]
    if not more:
        return None
    return f"there is {more[0]!r} beside the first row's columns, {listed(columns)}"


def unwritable(cells: Mapping[str, Any]) -> str | None:
    """Tell, as a clause, what JSON has no form for; None if nothing."""
    try:
        dumped(cells)
    except TypeError as error:
        return f"this has no form in JSON ({error})"
    return None


def cell(value: object) -> str:
    """Write a value as a table without types has it: as JSON, but texts as they are."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumped(value).decode().strip('"')


def dumped(value: object) -> bytes:
    """Write a value as JSON; float32 with as many digits as tell it from its neighbours."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain(value: object) -> object:
    """Write as text what JSON lacks but has a usual form. Raises TypeError for the rest."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):  # a class made from it
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")
