"""Formats of files with rows of texts, told by the name of the file."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from conveyor.model.errors import DataError

CSV, TSV, JSONL, PARQUET = ".csv", ".tsv", ".jsonl", ".parquet"
GZIP = ".gz"
# Read and written line by line, and so through a pipe as well, and compressed.
LINE_FORMATS = (CSV, TSV, JSONL)
# What the names of standard input and output, and of data sets of a hub, are or begin with.
PIPE, HUB = "-", "hub:"


class FileFormat(NamedTuple):
    """One of LINE_FORMATS, maybe compressed; or PARQUET; or HUB."""

    kind: str
    compressed: bool = False

    def __str__(self) -> str:
        return self.kind + GZIP * self.compressed


def format_of(name: str, pipe_format: str | None = None) -> FileFormat:
    """Tell the format of a file by its name; that of a pipe is given, or else .csv.

    ``pipe_format`` is csv, tsv or jsonl.

    Raises DataError for a name that tells none.
    """
    if name == PIPE:
        return FileFormat(f".{pipe_format}" if pipe_format else CSV)
    if name.startswith(HUB):
        return FileFormat(HUB)
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    compressed = suffixes[-1:] == [GZIP]
    [kind] = (suffixes[:-1] if compressed else suffixes)[-1:] or [""]
    if kind in LINE_FORMATS or (kind == PARQUET and not compressed):
        return FileFormat(kind, compressed)
    raise DataError(
        f"{name}: unsupported file type; use .csv, .tsv or .jsonl, each also with .gz behind it, "
        "or .parquet."
    )


def check_pipe_format(pipe_format: str | None, names: Iterable[str]) -> None:
    """Raise DataError if a format is given for a pipe, but none of these names is one."""
    if pipe_format and PIPE not in names:
        raise DataError("--format tells what `-` is: the name of a file tells it itself.")


def display_name(name: str) -> str:
    """Name a file for people."""
    return "standard input" if name == PIPE else name
