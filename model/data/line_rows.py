"""Rows of a .csv, .tsv or .jsonl file."""

import csv
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from conveyor.model.data.formats import CSV, JSONL
from conveyor.model.data.lines import Lines
from conveyor.model.data.rows import (
    LABEL,
    MOST_COLUMNS,
    ROW_BYTES,
    TEXT,
    UNLABELLED,
    BadRow,
    Columns,
    Row,
    good,
    listed,
)


def objects(lines: Lines) -> Iterator[tuple[str, dict[str, Any]] | BadRow]:
    """Yield each line that is not empty, and the JSON object that it holds."""
    lines.are_rows = True
    for line in lines:
        if line.strip():
            yield lines.undecoded() or _object(line, lines)
        lines.next_row()


def _object(line: str, lines: Lines) -> tuple[str, dict[str, Any]] | BadRow:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return lines.error(f"this is not JSON ({error.msg} at character {error.pos + 1})")
    if not isinstance(row, dict):
        return lines.error("this is not a JSON object, as every line must be")
    return line, row


def table(lines: Lines, kind: str) -> Iterator[list[str] | BadRow]:
    """Yield the rows of a table that are not empty; all good ones are as wide as the first one.

    Raises BadRow where a quote is never closed.
    """
    csv.field_size_limit(ROW_BYTES)  # which no field reaches, as no row is longer
    if kind == CSV:
        rows = csv.reader(lines, strict=True)
    else:
        lines.are_rows = True
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    width = 0
    while (row := _cells(rows, lines)) is not None:
        if isinstance(row, BadRow):
            yield row
        elif row:
            width = width or _width(row, lines)
            yield (
                row
                if len(row) == width
                else lines.error(f"{len(row)} columns, where the first line has {width}")
            )
        lines.next_row()


def _width(first: list[str], lines: Lines) -> int:
    if len(first) > MOST_COLUMNS:
        raise lines.error(f"{len(first):,} columns, where {MOST_COLUMNS:,} are the most")
    return len(first)


def _cells(rows: Iterator[list[str]], lines: Lines) -> list[str] | BadRow | None:
    try:
        row = next(rows, None)
    except csv.Error as error:
        bad = lines.undecoded() or lines.error(f"this is no valid table row ({error})")
        if lines.ended:
            raise bad from None
        return bad
    return lines.undecoded() or row


class LineRows:
    """The rows of a .csv, .tsv or .jsonl file.

    Where no column is named, a .csv or .tsv whose first line does not name those that are read
    holds in every line, the first line too, a label and a text or, if no label is read, a text.

    Raises DataError for a first line that leaves open which column is which.
    """

    def __init__(self, lines: Lines, kind: str, columns: Columns = UNLABELLED) -> None:
        self._lines = lines
        self._text = columns.names[0]
        self.columns: list[str] | None = None
        self.headerless = False
        self._rows: Iterator[Row | BadRow]
        if kind == JSONL:
            self._rows = map(self._of_object, objects(lines))
            return
        found = table(lines, kind)
        first = next(good(found), [])
        if columns.named or set(columns.names) <= set(first):
            self.columns = first
            index, *_ = (self._index_of(name, first) for name in columns.names)
        else:
            self.columns, index = self._default_columns(first, columns), len(first) - 1
            self.headerless = True
            found = itertools.chain([first] if first else [], found)
        self._rows = (self._of_cells(row, index) for row in found)

    def __iter__(self) -> Iterator[Row | BadRow]:
        return self._rows

    def digest(self) -> str:
        """Return the SHA-256 of the lines, without compression."""
        return self._lines.sha256.hexdigest()

    def share(self) -> float | None:
        """Return how much of the file was read so far, 0 to 1; None for a pipe."""
        return self._lines.share()

    def _index_of(self, name: str, header: Sequence[str]) -> int:
        """Return the index of the column of this name. Raises BadRow."""
        if header.count(name) != 1:
            found = "there are several columns" if name in header else "there is no column"
            raise self._lines.error(f"{found} {name!r}; the columns are {listed(header)}")
        return header.index(name)

    def _default_columns(self, first: list[str], columns: Columns) -> list[str]:
        if first and len(first) not in ({2} if columns.labelled else {1, 2}):
            of = ("columns of the text and the label", "column of the text")[not columns.labelled]
            raise self._lines.error(f"name the {of}; the columns are {listed(first)}")
        return [LABEL, TEXT][-len(first) :] if first else [TEXT]

    def _of_object(self, found: tuple[str, dict[str, Any]] | BadRow) -> Row | BadRow:
        if isinstance(found, BadRow):
            return found
        line, cells = found
        if self._text not in cells:
            return self._lines.error(f"there is no {self._text!r}, only {listed(cells)}")
        text = cells[self._text]
        if not isinstance(text, str):
            return self._lines.error(f"{self._text!r} is not a text but {type(text).__name__}")
        return Row(self._lines.place, text, cells, line, self._lines.row_bytes)

    def _of_cells(self, found: list[str] | BadRow, index: int) -> Row | BadRow:
        if isinstance(found, BadRow):
            return found
        cells = dict(zip(self.columns or (), found, strict=True))
        return Row(self._lines.place, found[index], cells, size=self._lines.row_bytes)
