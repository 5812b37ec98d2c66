"""Rows from a .parquet file, and labelled rows into one. Needs the ``parquet`` extra, pyarrow.

Nothing can be put behind the end of such a file: what it holds is listed there. So each piece is
kept as a stream of Arrow's own (its IPC format), one behind the other; once all are there, they
are read again and become a .parquet file.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model import interruption
from model.errors import DataError
from model.files import check_regular
from model.labelled import Answers, alien, check_names, table_columns
from model.reader import Floats
from model.rows import ROW_BYTES, TEXT, BadRow, Row, listed, unreadable

# Rows that are made into Python's objects at once.
BATCH = 1024
# Bytes that a batch of them may take where each cell is as large as its row group lets it be: in a
# dictionary, which is how Parquet stores what comes again, one long text can stand for all rows.
BATCH_BYTES = 2**28
# What text is packed to at most, by far; and what may be packed to anything, as it is little.
PACKED_AT_MOST = 256
LITTLE = 2**26
# A row group ends after so many rows or bytes: large enough to be read fast, small for the memory.
GROUP_ROWS = 65_536
GROUP_BYTES = 2**26


class ParquetRows:
    """The rows of a .parquet file. Raises DataError if it is none, or has no such texts."""

    def __init__(self, source: str, text_column: str | None = None) -> None:
        self._source = source
        self._text = text_column or TEXT
        self._read = 0
        self._sha256 = hashlib.sha256()
        self._errors = (_pyarrow().ArrowException, OSError, ValueError)
        try:
            check_regular(Path(source))  # a pipe has no end to begin with
            # Not a whole row group at once, which is what its own buffer would be for.
            self._file = _parquet().ParquetFile(source, pre_buffer=False, buffer_size=2**16)
        except self._errors as error:
            raise unreadable(source, error) from None
        self.schema = self._file.schema_arrow.remove_metadata()
        self.columns: list[str] = self.schema.names
        self._check()
        self._check_packing()

    def __iter__(self) -> Iterator[Row | BadRow]:
        largest = max((group.total_byte_size for group in self._groups()), default=0)
        batches = self._file.iter_batches(
            batch_size=min(BATCH, max(1, BATCH_BYTES // max(1, largest)))
        )
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                # All at once if they are small together, else one by one.
                step = len(batch) if batch.nbytes <= ROW_BYTES else 1
                for start in interruption.watched(range(0, len(batch), step)):
                    yield from self._rows(batch.slice(start, step))
            except self._errors as error:
                raise unreadable(self._source, error) from None

    def _rows(self, batch: Any) -> Iterator[Row | BadRow]:  # noqa: ANN401 - no stubs
        if len(batch) == 1 and batch.nbytes > ROW_BYTES:
            self._read += 1
            self._sha256.update(b"%d" % batch.nbytes)
            yield BadRow(
                f"{self._source}, row {self._read}: this row has {batch.nbytes:,} bytes, where "
                f"{ROW_BYTES:,} are the most."
            )
            return
        for cells in batch.to_pylist():
            yield self._row(cells, batch.nbytes // len(batch))

    def _row(self, cells: dict[str, Any], size: int) -> Row | BadRow:
        self._read += 1
        self._sha256.update(repr(cells).encode())
        place, text = f"{self._source}, row {self._read}", cells[self._text]
        if text is None:
            return BadRow(f"{place}: {self._text!r} is missing.")
        return Row(place, text, cells, size=size)

    def digest(self) -> str:
        """The SHA-256 of what stands in the rows."""
        return self._sha256.hexdigest()

    def share(self) -> float | None:
        """How much of the file was read so far, 0 to 1."""
        rows: int = self._file.metadata.num_rows
        return self._read / rows if rows else 1.0

    def _groups(self) -> Iterator[Any]:
        metadata = self._file.metadata
        return (metadata.row_group(number) for number in range(metadata.num_row_groups))

    def _check_packing(self) -> None:
        for group in self._groups():
            for column in map(group.column, range(group.num_columns)):
                packed, unpacked = column.total_compressed_size, column.total_uncompressed_size
                if unpacked > max(LITTLE, PACKED_AT_MOST * packed):
                    raise DataError(
                        f"{self._source} cannot be read: a column of {packed:,} bytes would unpack "
                        f"to {unpacked:,}, which no texts do."
                    )

    def _check(self) -> None:
        if self.columns.count(self._text) != 1:
            raise DataError(
                f"{self._source} has no column {self._text!r}; "
                f"the columns are {listed(self.columns)}."
            )
        kind, types = self.schema.field(self._text).type, _pyarrow().types
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
            raise DataError(
                f"{self._source}: {self._text!r} is a column not of texts but of {kind}."
            )


class ParquetTable:
    """Labelled rows, with the columns' types as they were.

    Columns that came without types hold texts, and those of JSON what the first rows show.
    """

    def __init__(self, answers: Answers, schema: Any = None) -> None:  # noqa: ANN401 - no stubs
        self._answers = answers
        self._arrow = _pyarrow()
        self._schema = schema  # of the rows' own cells

    def begin(self, columns: Sequence[str] | None, rows: Sequence[Row]) -> None:
        """Find the types of the columns."""
        names = table_columns(columns, rows)
        check_names(names, self._answers.columns)
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
        """What JSON holds may be of another type than in the first rows."""
        if not row.json:
            return None
        if clause := alien(row, self._schema.names):
            return clause
        try:
            self._arrow.RecordBatch.from_pylist([row.cells], schema=self._schema)
        except (self._arrow.ArrowException, OverflowError) as error:
            return f"this is of another type than what the first rows hold ({_line(error)})"
        return None

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def body(self, rows: Sequence[Row], probabilities: Floats) -> bytes:
        """A stream for these rows."""
        table = self._arrow.Table.from_pylist([row.cells for row in rows], schema=self._schema)
        labels = [self._answers.labels[best] for best in probabilities.argmax(axis=1)]
        scores = [probabilities.max(axis=1)]
        if self._answers.all_scores:
            scores.extend(probabilities.T)
        columns = [self._arrow.array(labels, self._arrow.string())]
        columns += [self._arrow.array(np.ascontiguousarray(column)) for column in scores]
        for name, column in zip(self._answers.columns, columns, strict=True):
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
            with _parquet().ParquetWriter(file, empty.schema) as writer:
                for group in self._groups(pieces):
                    writer.write_table(group)
            file.flush()
            os.fsync(file.fileno())

    @property
    def _nothing(self) -> Floats:
        return np.empty((0, len(self._answers.labels)), np.float32)

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


def _pyarrow() -> Any:  # noqa: ANN401 - no stubs
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError("A .parquet needs pyarrow: pip install 'pyarrow>=26,<27'.") from None
    return pa


def _parquet() -> Any:  # noqa: ANN401 - no stubs
    _pyarrow()
    import pyarrow.parquet  # noqa: PLC0415 - an optional extra

    return pyarrow.parquet
