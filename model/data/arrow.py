"""Rows that Arrow keeps, in batches: of a .parquet file, or of a data set of the hub."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from conveyor.model import interruption
from conveyor.model.data.rows import ROW_BYTES, BadRow, Row, unreadable
from conveyor.model.errors import DataError
from conveyor.model.extras import install_command


class ArrowRows(ABC):
    """Rows that are read batch by batch; one that is too large is bad. Raises DataError."""

    headerless = False

    def __init__(self, source: str) -> None:
        self._source = source
        self._read = 0
        self._sha256 = hashlib.sha256()
        self._errors = (pyarrow().ArrowException, OSError, ValueError)

    def __iter__(self) -> Iterator[Row | BadRow]:
        try:
            for batch in self._batches():
                # All at once if they are small together, else one by one.
                step = len(batch) if batch.nbytes <= ROW_BYTES else 1
                for start in interruption.watched(range(0, len(batch), step)):
                    yield from self._slice(batch.slice(start, step))
        except self._errors as error:
            raise unreadable(self._source, error) from None

    @abstractmethod
    def _batches(self) -> Iterator[Any]:
        """Read the rows as Arrow has them, so many at a time."""

    @abstractmethod
    def _row(self, cells: dict[str, Any], size: int) -> Row | BadRow:
        """Make a row of its cells, which take so many bytes."""

    @abstractmethod
    def _count(self) -> int:
        """Count all rows there are."""

    def _slice(self, batch: Any) -> Iterator[Row | BadRow]:  # noqa: ANN401 - no stubs
        if len(batch) == 1 and batch.nbytes > ROW_BYTES:
            self._read += 1
            self._sha256.update(b"%d" % batch.nbytes)
            yield BadRow(
                f"{self._place}: this row has {batch.nbytes:,} bytes, where {ROW_BYTES:,} are the "
                "most."
            )
            return
        for cells in batch.to_pylist():
            self._read += 1
            yield self._row(cells, batch.nbytes // len(batch))

    @property
    def _place(self) -> str:
        """The row that was read last, for people."""
        return f"{self._source}, row {self._read}"

    def digest(self) -> str:
        """Return the SHA-256 of what stands in the rows."""
        return self._sha256.hexdigest()

    def share(self) -> float | None:
        """Return how much was read so far, 0 to 1."""
        return self._read / count if (count := self._count()) else 1.0


def pyarrow() -> Any:  # noqa: ANN401 - no stubs
    """Import the library. Raises DataError where it is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError(f"A .parquet needs pyarrow: {install_command('parquet')}.") from None
    return pa
