"""Rows from a .parquet file. Needs the ``parquet`` extra, pyarrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conveyor.model.data.arrow import ArrowRows, pyarrow
from conveyor.model.data.rows import (
    UNLABELLED,
    BadRow,
    Columns,
    Row,
    check_columns,
    unreadable,
)
from conveyor.model.errors import DataError
from conveyor.model.files import check_regular

# Rows that are made into Python's objects at once.
BATCH = 1024
# Bytes that a batch of them may take where each cell is as large as its row group lets it be: in a
# dictionary, which is how Parquet stores what comes again, one long text can stand for all rows.
BATCH_BYTES = 2**28
# What text is packed to at most, by far; and what may be packed to anything, as it is little.
PACKED_AT_MOST = 256
LITTLE = 2**26


class ParquetRows(ArrowRows):
    """The rows of a .parquet file. Raises DataError if it is none, or has no such columns."""

    def __init__(self, source: str, columns: Columns = UNLABELLED) -> None:
        super().__init__(source)
        self._text = columns.names[0]
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

    def _batches(self) -> Iterator[Any]:
        largest = max((group.total_byte_size for group in self._groups()), default=0)
        return iter(
            self._file.iter_batches(batch_size=min(BATCH, max(1, BATCH_BYTES // max(1, largest))))
        )

    def _row(self, cells: dict[str, Any], size: int) -> Row | BadRow:
        self._sha256.update(repr(cells).encode())
        text = cells[self._text]
        if text is None:
            return BadRow(f"{self._place}: {self._text!r} is missing.")
        return Row(self._place, text, cells, size=size)

    def _count(self) -> int:
        return int(self._file.metadata.num_rows)

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


def parquet_format() -> Any:  # noqa: ANN401 - no stubs
    """Import its part for files. Raises DataError where it is not installed."""
    pyarrow()
    import pyarrow.parquet as format_  # noqa: PLC0415 - an optional extra

    return format_
