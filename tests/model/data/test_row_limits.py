"""A row has a limit while it is read, whatever kind of file it is in, and however it is packed."""

import gzip
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from conveyor.model.data import arrow, lines, rows
from conveyor.model.data.examples import read_examples, read_texts
from conveyor.model.data.formats import format_of
from conveyor.model.data.line_rows import LineRows
from conveyor.model.data.lines import open_lines
from conveyor.model.data.parquet import ParquetRows
from conveyor.model.data.rows import BadRow, Row, listed
from conveyor.model.data.soft_labels import read_soft_examples
from conveyor.model.errors import DataError
from conveyor.model.labelling.label import windows
from conveyor.model.labelling.writers import AddedColumns, JsonLinesWriter, TableWriter
from conveyor.model.training.vectors import WordVectors

LIMIT = 1000
LONG = b"a" * 5000


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a thousand bytes are the longest."""
    monkeypatch.setattr(lines, "ROW_BYTES", LIMIT)
    monkeypatch.setattr(arrow, "ROW_BYTES", LIMIT)


def read(path: Path, content: bytes) -> list[str]:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    kind, compressed = format_of(str(path))
    with open_lines(str(path), compressed=compressed) as found:
        return [row.text if isinstance(row, Row) else str(row) for row in LineRows(found, kind)]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl", b'{"text": "a"}\n{"text": "%s"}\n{"text": "b"}\n' % LONG),
        ("in.jsonl", b'{"text": "a"}\n%s\n{"text": "b"}\n' % (b" " * 5000)),
        ("in.tsv", b"text\tid\na\t1\n%s\t2\nb\t3\n" % LONG),
    ],
)
def test_a_long_line_is_bad_and_the_next_one_is_read(
    tmp_path: Path, name: str, content: bytes, suffix: str
) -> None:
    first, bad, last = read(tmp_path / f"{name}{suffix}", content)
    assert (first, last) == ("a", "b")
    line = 3 if name == "in.tsv" else 2
    assert bad.endswith(
        f"{name}{suffix}, line {line}: this row has more than 1,000 bytes, which is the most there "
        "can be."
    )


@pytest.mark.usefixtures("short")
def test_a_long_line_at_the_end(tmp_path: Path) -> None:
    assert len(read(tmp_path / "in.jsonl", b'{"text": "a"}\n' + LONG)) == 2
    assert (
        read(tmp_path / "in.tsv", b"text\n" + b"b" * (LIMIT + 1))[-1].count("more than 1,000") == 1
    )
    assert read(tmp_path / "in.tsv", b"text\n" + b"b" * (LIMIT - 1) + b"\n") == ["b" * (LIMIT - 1)]


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "content",
    [
        b"text\na\n%s\nb\n" % LONG,
        b'text\na\n"b\n' + b"c\n" * 5000,  # a quote that is never closed
        b'text\na\n"%s"\n' % LONG,
        b"%s,text\n" % LONG,
    ],
)
def test_a_long_row_of_a_table_with_quotes_is_the_end(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"line \d: this row has more than 1,000 bytes.*a quote"):
        read(tmp_path / "in.csv", content)


@pytest.mark.usefixtures("short")
def test_all_who_read_files_have_the_limit(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text,label\na,b\n%s,b\n" % LONG)
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "%s", "label": "a"}\n' % LONG)
    for name in ("in.csv", "in.jsonl"):
        for reading in (read_examples, read_texts):
            with pytest.raises(DataError, match="this row has more than 1,000 bytes"):
                reading(str(tmp_path / name))
    with pytest.raises(DataError, match="this row has more than 1,000 bytes"):
        read_soft_examples(str(tmp_path / "in.jsonl"))


@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.csv.gz", "in.tsv.gz"])
def test_what_is_packed_a_thousandfold_takes_no_memory(tmp_path: Path, name: str) -> None:
    """A line of 400 MB in 400 KB: no more than some rows of it are ever there."""
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"text\n" if "jsonl" not in name else b"")
        for _ in range(100):
            file.write(b" " * 2**22)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="has more than 8,388,608 bytes"):
            read_texts(str(path))
        assert tracemalloc.get_traced_memory()[1] < 8 * rows.ROW_BYTES
    finally:
        tracemalloc.stop()


def test_many_columns_are_refused(tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(rows.MOST_COLUMNS + 1))
    with pytest.raises(DataError, match=r"line 1: 16,385 columns, where 16,384 are the most"):
        read(tmp_path / "in.csv", f"{names}\n".encode())
    cells = dict.fromkeys(names.split(","), 1)
    first = Row("line 1", "a", cells)
    with pytest.raises(DataError, match="The first row has 16,385 columns"):
        TableWriter(AddedColumns(("a", "b")), ".csv").begin(None, [first])
    JsonLinesWriter(AddedColumns(("a", "b"))).begin(None, [first])  # which names them in each row
    assert listed(cells).endswith("'c19', and 16,365 more")


def test_a_window_ends_after_so_many_bytes_of_any_column() -> None:
    large = [Row("", "a", {}, size=2**22) for _ in range(5)]
    assert [len(window) for window in windows(large)] == [2, 2, 1]


def parquet_rows(path: Path) -> Iterator[Row | BadRow]:
    return iter(ParquetRows(str(path)))


@pytest.mark.usefixtures("short")
def test_a_long_cell_of_a_parquet_file_is_bad(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b" * 5000, "c"]})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    first, bad, last = parquet_rows(tmp_path / "in.parquet")
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert (first.text, last.text) == ("a", "c")
    assert "row 2: this row has 5," in str(bad)
    assert str(bad).endswith("where 1,000 are the most.")


def test_one_text_for_many_rows_of_a_parquet_file_is_not_unfolded(tmp_path: Path) -> None:
    """A dictionary with one text of 6 MB for 2,000 rows: 12 GB, were all rows made at once."""
    table = pa.table({"text": ["b" * 6 * 2**20] * 20}).combine_chunks()
    column = pa.DictionaryArray.from_arrays(
        pa.array([0] * 2000, pa.int32()), table["text"][:1].chunk(0)
    )
    pyarrow.parquet.write_table(pa.table({"text": column}), tmp_path / "in.parquet")
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    seen = parquet_rows(tmp_path / "in.parquet")
    assert all(isinstance(next(seen), Row) for _ in range(100))
    assert pool.max_memory() - before < 2**30


def test_a_parquet_file_that_is_packed_to_nothing_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(
        pa.table({"text": [str(number) + " " * 2**20 for number in range(100)]}),
        tmp_path / "in.parquet", compression="zstd", use_dictionary=False,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"a column of [\d,]+ bytes would unpack to [\d,]+, which"):
        ParquetRows(str(tmp_path / "in.parquet"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a " + b"1" * 3 * 2**20, "line 1 has more than 2,097,152 bytes"),
        (b"1 " + b"9" * 5000 + b"\n", "line 1 asks for more than 65,536 numbers"),
        (b"1 70000\n", "line 1 asks for more than 65,536 numbers"),
        (b"a" + b" 1" * 70_000 + b"\n", "line 1 asks for more than 65,536 numbers"),
    ],
)
def test_word_vectors_have_limits_too(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "vectors.txt").write_bytes(content)
    with pytest.raises(DataError, match=says):
        WordVectors.of(tmp_path / "vectors.txt")


def test_a_device_that_never_ends_is_one_sentence() -> None:
    """Within memory for a few rows."""
    program = """
import resource
from conveyor.model.errors import DataError
from conveyor.model.data.line_rows import LineRows
from conveyor.model.data.lines import open_lines
has = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (has + 2**28, has + 2**28))
for kind in (".csv", ".jsonl"):
    try:
        with open_lines("/dev/zero") as lines:
            print(next(iter(LineRows(lines, kind))))
    except DataError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("/dev/zero, line 1: this row has more than 8,388,608 bytes") == 2
