"""Labelled rows into a .parquet file. Needs the ``parquet`` extra, pyarrow.

Nothing can be put behind the end of such a file: what it holds is listed there. So each piece is
kept as a stream of Arrow's own (its IPC format), one behind the other; once all are there, they
are read again and become a .parquet file.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conveyor.model import interruption
from conveyor.model.arrays import Floats
from conveyor.model.data.arrow import pyarrow
from conveyor.model.data.parquet import parquet_format
from conveyor.model.data.rows import Row
from conveyor.model.errors import DataError
from conveyor.model.labelling.writers import AddedColumns, check_names, extra_columns, table_columns

# A row group ends after so many rows or bytes: large enough to be read fast, small for the memory.
GROUP_ROWS = 65_536
GROUP_BYTES = 2**26


class ParquetWriter:
    """Labelled rows, with the columns' types as they were.

    Columns that came without types hold texts, and those of JSON what the first rows show.
    """

    def __init__(self, added: AddedColumns, schema: Any = None) -> None:  # noqa: ANN401 - no stubs
        self._added = added
        self._arrow = pyarrow()
        self._schema = schema  # of the rows' own cells

    def begin(self, columns: Sequence[str] | None, rows: Sequence[Row]) -> None:
        """Find the types of the columns."""
        names = table_columns(columns, rows)
        check_names(names, self._added.columns)
        if self._schema is None:
            texts = self._arrow.schema([(name, self._arrow.string()) for name in names])
            self._schema = texts if columns is not None or not rows else self._shown_by(rows)

    def _shown_by(self, rows: Sequence[Row]) -> Any:  # noqa: ANN401 - no stubs
        try:
            schema = self._arrow.Table.from_pylist([dict(row.cells) for row in rows]).schema
        except self._arrow.ArrowException as error:
            raise DataError(
                f"What the first rows hold is of no one type ({_line(error)}), which a .parquet "
                "needs: write a .jsonl."
            ) from None
        for place, field in enumerate(schema):
            if self._arrow.types.is_null(field.type):
                schema = schema.set(place, field.with_type(self._arrow.string()))
        return schema

    def refusal(self, row: Row) -> str | None:
        """Refuse what is of another type than in the first rows, which JSON may hold."""
        if not row.json:
            return None
        if clause := extra_columns(row, self._schema.names):
            return clause
        try:
            self._arrow.RecordBatch.from_pylist([row.cells], schema=self._schema)
        except (self._arrow.ArrowException, OverflowError) as error:
            return f"this is of another type than what the first rows hold ({_line(error)})"
        return None

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """Return a stream of Arrow's for these rows."""
        table = self._arrow.Table.from_pylist([row.cells for row in rows], schema=self._schema)
        labels = [self._added.labels[best] for best in probabilities.argmax(axis=1)]
        scores = [probabilities.max(axis=1)]
        if self._added.all_scores:
            scores.extend(probabilities.T)
        columns = [self._arrow.array(labels, self._arrow.string())]
        columns += [self._arrow.array(np.ascontiguousarray(column)) for column in scores]
        for name, column in zip(self._added.columns, columns, strict=True):
            table = table.append_column(name, column)
        written = self._arrow.BufferOutputStream()
        options = self._arrow.ipc.IpcWriteOptions(compression="zstd")
        with self._arrow.ipc.new_stream(written, table.schema, options=options) as stream:
            stream.write_table(table)
        content: bytes = written.getvalue().to_pybytes()
        return content

    def assemble(self, pieces: Path, whole: Path) -> None:
        """Make a .parquet file of the pieces. Raises OSError."""
        # Of no rows, but with all columns.
        empty = self._arrow.ipc.open_stream(self.body([], self._nothing)).read_all()
        with whole.open("wb") as file:
            with parquet_format().ParquetWriter(file, empty.schema) as writer:
                for group in self._groups(pieces):
                    writer.write_table(group)
            file.flush()
            os.fsync(file.fileno())

    @property
    def _nothing(self) -> Floats:
        return np.empty((0, len(self._added.labels)), np.float32)

    def _groups(self, pieces: Path) -> Iterator[Any]:
        group: list[Any] = []
        with self._arrow.OSFile(str(pieces)) as file:
            while file.tell() < file.size():
                interruption.check()
                group.append(self._arrow.ipc.open_stream(file).read_all())
                if (
                    sum(table.num_rows for table in group) >= GROUP_ROWS
                    or sum(table.nbytes for table in group) >= GROUP_BYTES
                ):
                    yield self._arrow.concat_tables(group)
                    group = []
        if group:
            yield self._arrow.concat_tables(group)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
