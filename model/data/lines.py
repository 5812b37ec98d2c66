"""Lines of a file or a pipe, as text, counted, and none of them too long to be held."""

import codecs
import contextlib
import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from conveyor.model import interruption
from conveyor.model.data.formats import PIPE, display_name
from conveyor.model.data.pipes import open_to_read, read_watched
from conveyor.model.data.rows import ROW_BYTES, BadRow, unreadable
from conveyor.model.errors import DataError


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

    def peek(self) -> bytes:
        """Return some of what stands first, without reading any line. Raises DataError."""
        try:
            return cast("io.BufferedReader", self._binary).peek(1).removeprefix(codecs.BOM_UTF8)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.source, error) from None

    def _next(self) -> bytes:
        """Read the next line or, of a long one, what can be read at once; nothing at the end."""
        interruption.check()
        try:
            line = self._binary.readline(ROW_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise unreadable(self.source, error) from None
        self.sha256.update(line)
        self.ended = not line
        return line

    def _cut(self, line: bytes) -> str:
        """Return a line in place of a row that is too long, if it is known where that ends."""
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
        """The line in which the current row begins, for people."""
        return f"{self.source}, line {self.row}"

    def error(self, sentence: str) -> BadRow:
        """Make an error that says what is wrong with the current row."""
        return BadRow(f"{self.place}: {sentence}.")

    def undecoded(self) -> BadRow | None:
        """Return, once, what is wrong with the bytes of the current row, at its end."""
        broken, self._broken = self._broken, None
        return broken

    def share(self) -> float | None:
        """Return how much of the file was read so far, 0 to 1; None for a pipe."""
        status = os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        return self._file.tell() / status.st_size if status.st_size else 1.0


@contextlib.contextmanager
def open_lines(source: str, *, compressed: bool = False) -> Iterator[Lines]:
    """Open a file, or standard input, to read its lines. Raises DataError."""
    if source == PIPE:
        yield Lines(display_name(source), read_watched(sys.stdin.buffer), compressed=compressed)
        return
    with open_file(source) as file:
        yield Lines(source, file, compressed=compressed)


def open_file(source: str) -> BinaryIO:
    """Open a file, or a named pipe, to read from. Raises DataError."""
    try:
        return open_to_read(Path(source))
    except OSError as error:
        raise unreadable(source, error) from None
