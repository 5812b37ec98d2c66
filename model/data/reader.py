"""One reader of rows for all commands, whatever the rows are read from."""

from collections.abc import Iterator
from contextlib import contextmanager

from conveyor.model.data.formats import HUB, PARQUET, PIPE, format_of
from conveyor.model.data.hub import HubRows
from conveyor.model.data.line_rows import LineRows
from conveyor.model.data.lines import Lines, open_lines
from conveyor.model.data.parquet import ParquetRows
from conveyor.model.data.rows import Columns, Rows
from conveyor.model.errors import DataError


@contextmanager
def open_rows(source: str, columns: Columns, pipe_format: str | None = None) -> Iterator[Rows]:
    """Open a file, ``-`` (standard input) or ``hub:NAME@SPLIT`` to read its rows.

    A pipe has a format of its own: csv unless it is given.

    Raises DataError where it cannot be read, or has no such columns.
    """
    kind, compressed = format_of(source, pipe_format)
    if kind == HUB:
        yield HubRows(source, columns)
    elif kind == PARQUET:
        yield ParquetRows(source, columns)
    else:
        with open_lines(source, compressed=compressed) as lines:
            if source == PIPE and not pipe_format:
                _check_seems_csv(lines)
            yield LineRows(lines, kind, columns)


def _check_seems_csv(lines: Lines) -> None:
    """Raise DataError if standard input, which is read as csv, seems to be of another format."""
    start = lines.peek()
    for kind, sign, seems in (
        ("jsonl", "{ as JSON does", start.lstrip().startswith(b"{")),
        ("tsv", "columns apart by tabs", b"\t" in start.partition(b"\n")[0]),
    ):
        if seems:
            raise DataError(
                f"{lines.source} begins with {sign}: give --format {kind} or, if it is csv in "
                "spite of that, --format csv."
            )
