"""Rows from a .parquet file. Needs the ``parquet`` extra, pyarrow."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model import interruption
from model.data.rows import (
    ROW_BYTES,
    UNLABELLED,
    BadRow,
    Columns,
    Row,
    check_columns,
    unreadable,
)
from model.errors import DataError
from model.files import check_regular

# Rows that are made into Python's objects at once.
BATCH = 1024
# Bytes that a batch of them may take where each cell is as large as its row group lets it be: in a
# dictionary, which is how Parquet stores what comes again, one long text can stand for all rows.
BATCH_BYTES = 2**28
# What text is packed to at most, by far; and what may be packed to anything, as it is little.
PACKED_AT_MOST = 256
LITTLE = 2**26


class ParquetRows:
    """The rows of a .parquet file. Raises DataError if it is none, or has no such columns."""

    headerless = False

    def __init__(self, source: str, columns: Columns = UNLABELLED) -> None:
        self._source = source
        self._text = columns.names[0]
        self._read = 0
        self._sha256 = hashlib.sha256()
        self._errors = (pyarrow().ArrowException, OSError, ValueError)
        try:
            check_regular(Path(source))  # a pipe has no end to begin with
            # Not a whole row group at once, which is what its own buffer would be for.
            self._file = parquet_format().ParquetFile(source, pre_buffer=False, buffer_size=2**16)
        except self._errors as error:
            raise unreadable(source, error) from None
        self.schema = self._file.schema_arrow.remove_metadata()
        self.columns: list[str] = self.schema.names
        check_columns(source, self.columns, columns)
        self._check_text()
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
        """Return the SHA-256 of what stands in the rows."""
        return self._sha256.hexdigest()

    def share(self) -> float | None:
        """Return how much of the file was read so far, 0 to 1."""
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

    def _check_text(self) -> None:
        kind, types = self.schema.field(self._text).type, pyarrow().types
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
            raise DataError(
                f"{self._source}: {self._text!r} is a column not of texts but of {kind}."
            )


def pyarrow() -> Any:  # noqa: ANN401 - no stubs
    """Import the library. Raises DataError where it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError("A .parquet needs pyarrow: pip install 'pyarrow>=26,<27'.") from None
    return pa


def parquet_format() -> Any:  # noqa: ANN401 - no stubs
    """Import its part for files. Raises DataError where it is not installed."""
    pyarrow()
    import pyarrow.parquet as format_  # noqa: PLC0415 - an optional extra

    return format_
