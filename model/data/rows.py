"""The rows of a file of texts, one after the other, however many there are.

A row that is broken is a value among the others, a `BadRow`, so that who reads them can go on
behind it. Only what leaves in the dark where the next row begins is raised.
"""

import contextlib
import csv
import gzip
import hashlib
import itertools
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast

import orjson

from model import interruption
from model.data.pipes import open_to_read, read_watched
from model.errors import DataError

TEXT, LABEL = "text", "label"
CSV, TSV, JSONL, PARQUET = ".csv", ".tsv", ".jsonl", ".parquet"
# What can be read line by line, and so from a pipe.
FORMATS = (CSV, TSV, JSONL)
GZIP = ".gz"
PIPE = "-"

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


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a text: where it stands, for people, and its cells by their columns."""

    place: str
    text: str
    cells: Mapping[str, Any]
    json: str = ""  # the whole row as it was read, if it was JSON
    size: int = field(default=0, compare=False)  # in bytes


class Rows(Protocol):
    """A file's rows in their order. They can be gone through once."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The names of the columns; None where each row names its own."""

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Raises DataError where no further row can be read."""

    def digest(self) -> str:
        """What tells the rows that were read so far from all others."""

    def share(self) -> float | None:
        """How much of the file was read so far, 0 to 1; None where nobody knows how long it is."""


def good(rows: Iterable[T | BadRow]) -> Iterator[T]:
    """The rows, where a bad one is the end: it is raised."""
    for row in rows:
        if isinstance(row, BadRow):
            raise row
        yield row


def format_of(source: str, *, more: Sequence[str] = ()) -> tuple[str, bool]:
    """The format that a file's name ends in, one of FORMATS or ``more``, and whether it is .gz.

    Raises DataError for any other name.
    """
    suffixes = [suffix.lower() for suffix in Path(source).suffixes]
    compressed = suffixes[-1:] == [GZIP]
    [kind] = (suffixes[:-1] if compressed else suffixes)[-1:] or [""]
    if kind in FORMATS or (kind in more and not compressed):
        return kind, compressed
    raise DataError(
        f"{source} is of no known kind: the name must end in {', '.join([*more, *FORMATS])}, "
        f"or one of {'the last three' if more else 'these'} and .gz."
    )


class Lines:
    """The lines of a file as text, counted, so that an error can name the place."""

    def __init__(self, source: str, file: BinaryIO, *, compressed: bool = False) -> None:
        self.source = source
        self.read = 0
        self.row = 1  # the line in which the current row begins; quoted texts have several
        self.row_bytes = 0  # of the current row, so far
        self.are_rows = False  # whether each line is a row, and its end so the row's
        self.ended = False
        self.sha256 = hashlib.sha256()
        self._file = file
        self._binary = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if compressed else file
        self._broken: BadRow | None = None
        self._too_long = False  # whether there is more of the line that was read last

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while self._too_long:
            self._too_long = not self._next().endswith(b"\n") and not self.ended
        line = self._next()
        if not line:
            raise StopIteration
        self.read += 1
        self.row_bytes += len(line)
        if self.row_bytes > ROW_BYTES:
            return self._cut(line)
        encoding = "utf-8-sig" if self.read == 1 else "utf-8"
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            # The row is lost, but not its end: a quoted text may go on in the next line.
            self._broken = self._broken or BadRow(
                f"{self.source}, line {self.read}: byte {error.start + 1} is not UTF-8; "
                "save the file as UTF-8."
            )
            return line.decode(encoding, errors="replace")

    def _next(self) -> bytes:
        """The next line or, of a long one, what can be read at once; nothing at the end."""
        interruption.check()
        try:
            line = self._binary.readline(ROW_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.source, error) from None
        self.sha256.update(line)
        self.ended = not line
        return line

    def _cut(self, line: bytes) -> str:
        """What stands for a row that is too long, if it is known where it ends."""
        limit = f"this row has more than {ROW_BYTES:,} bytes, which is the most there can be"
        if not self.are_rows:
            raise DataError(f"{self.place}: {limit}; a quote in it may never be closed.")
        self._too_long = not line.endswith(b"\n")
        self._broken = self.error(limit)
        return "-\n"

    def next_row(self) -> None:
        """Say that a new row begins."""
        self.row = self.read + 1
        self.row_bytes = 0

    @property
    def place(self) -> str:
        """Where the current row begins, for people."""
        return f"{self.source}, line {self.row}"

    def error(self, sentence: str) -> BadRow:
        """What is wrong with the current row."""
        return BadRow(f"{self.place}: {sentence}.")

    def undecoded(self) -> BadRow | None:
        """What is wrong with the bytes of the current row; asked once, at its end."""
        broken, self._broken = self._broken, None
        return broken

    def share(self) -> float | None:
        """How much of the file was read so far, 0 to 1; None for a pipe."""
        status = os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        return self._file.tell() / status.st_size if status.st_size else 1.0


@contextlib.contextmanager
def open_lines(source: str, *, compressed: bool = False) -> Iterator[Lines]:
    """The lines of a file, or of standard input. Raises DataError."""
    if source == PIPE:
        yield Lines("standard input", read_watched(sys.stdin.buffer), compressed=compressed)
        return
    with open_file(source) as file:
        yield Lines(source, file, compressed=compressed)


def open_file(source: str) -> BinaryIO:
    """A file to read from. Raises DataError."""
    try:
        return open_to_read(Path(source))
    except OSError as error:
        raise unreadable(source, error) from None


def unreadable(source: str, error: Exception) -> DataError:
    """What stands in the way of reading a file at all."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataError(f"{source} cannot be read: {reason}.")


def objects(lines: Lines) -> Iterator[tuple[str, dict[str, Any]] | BadRow]:
    """Each line that is not empty, and the JSON object that it holds."""
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
    """The rows of a table that are not empty; all that are good are as wide as the first one.

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

    Without a named column, a .csv or .tsv whose first line does not name ``text`` holds in every
    line, the first line too, a text, or a label and a text.

    Raises DataError for a first line that leaves open which column is the text.
    """

    def __init__(self, lines: Lines, kind: str, text_column: str | None = None) -> None:
        self._lines = lines
        self._text = text_column or TEXT
        self.columns: list[str] | None = None
        self._rows: Iterator[Row | BadRow]
        if kind == JSONL:
            self._rows = map(self._of_object, objects(lines))
            return
        found = table(lines, kind)
        first = next(good(found), [])
        if text_column is not None or self._text in first:
            self.columns, where = first, place(first, self._text, lines)
        else:
            self.columns, where = self._default_columns(first), len(first) - 1
            found = itertools.chain([first] if first else [], found)
        self._rows = (self._of_cells(row, where) for row in found)

    def __iter__(self) -> Iterator[Row | BadRow]:
        return self._rows

    def digest(self) -> str:
        """The SHA-256 of the lines, without compression."""
        return self._lines.sha256.hexdigest()

    def share(self) -> float | None:
        """How much of the file was read so far, 0 to 1; None for a pipe."""
        return self._lines.share()

    def _default_columns(self, first: list[str]) -> list[str]:
        if len(first) > 2:  # noqa: PLR2004 - a label and a text
            raise self._lines.error(f"name the column of the text; the columns are {listed(first)}")
        return [LABEL, TEXT][-len(first) :] if first else [TEXT]

    def _of_object(self, found: tuple[str, dict[str, Any]] | BadRow) -> Row | BadRow:
        if isinstance(found, BadRow):
            return found
        line, row = found
        if self._text not in row:
            return self._lines.error(f"there is no {self._text!r}, only {listed(row)}")
        text = row[self._text]
        if not isinstance(text, str):
            return self._lines.error(f"{self._text!r} is not a text but {type(text).__name__}")
        return Row(self._lines.place, text, row, line, self._lines.row_bytes)

    def _of_cells(self, found: list[str] | BadRow, where: int) -> Row | BadRow:
        if isinstance(found, BadRow):
            return found
        cells = dict(zip(self.columns or (), found, strict=True))
        return Row(self._lines.place, found[where], cells, size=self._lines.row_bytes)


def place(header: Sequence[str], name: str, lines: Lines) -> int:
    """Where in a table the column of this name stands. Raises DataError."""
    if header.count(name) != 1:
        found = "there are several columns" if name in header else "there is no column"
        raise lines.error(f"{found} {name!r}; the columns are {listed(header)}")
    return header.index(name)


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, the first of them."""
    names = list(names)
    more = [f"and {len(names) - LISTED:,} more"] * (len(names) > LISTED)
    return ", ".join([*(repr(name[:40]) for name in names[:LISTED]), *more]) or "none"
