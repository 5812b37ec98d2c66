import io
import sys
from pathlib import Path
from types import SimpleNamespace

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest

from conveyor.model.data.examples import Example, read_examples, read_texts
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import Columns, Row
from conveyor.model.errors import DataError
from tests.data_files import SOURCES, write_source

ROWS = [
    {"id": "1", "text": "a film, long", "label": "good one"},
    {"id": "", "text": 'she said "no"', "label": "bad"},
    {"id": "小", "text": "", "label": "好"},
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def pipe(monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """Let this be what standard input holds."""
    standard_input = io.BufferedReader(io.BytesIO(content.encode()))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=standard_input))


@pytest.mark.parametrize("source", SOURCES)
def test_whatever_rows_are_read_from_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    name, piped = write_source(tmp_path, source, ROWS)
    pipe_format = source.partition(" ")[2] or None
    pipe(monkeypatch, piped)
    assert read_examples(name, pipe_format=pipe_format) == [
        Example(row["text"], row["label"]) for row in ROWS
    ]
    pipe(monkeypatch, piped)
    assert read_texts(name, pipe_format=pipe_format) == [row["text"] for row in ROWS]
    pipe(monkeypatch, piped)
    columns = Columns("label", labelled=False)
    assert read_texts(name, "label", pipe_format) == [row["label"] for row in ROWS]
    pipe(monkeypatch, piped)
    with open_rows(name, columns, pipe_format) as rows:
        found = list(rows)
    assert [row.cells for row in found if isinstance(row, Row)] == ROWS
    assert not rows.headerless
    pipe(monkeypatch, piped)
    with pytest.raises(DataError, match=r"no (column )?'body'.* 'id', 'text', 'label'"):
        read_texts(name, "body", pipe_format)
    pipe(monkeypatch, piped)
    with pytest.raises(DataError, match=r"no (column )?'topic'.* 'id', 'text', 'label'"):
        read_examples(name, Columns(label="topic"), pipe_format)


@pytest.mark.parametrize(
    ("piped", "says"),
    [
        ("", "^standard input holds no examples"),
        ("text,label\nx,y\nx\n", "^standard input, line 3: 1 columns, where the first line has 2"),
        ('{"text": "x", "label": "y"}\n', "^standard input begins with {.*: give --format jsonl"),
        ('\ufeff \n {"text": "x"}\n', "^standard input begins with {.*: give --format jsonl"),
        ("label\ttext\na\tb\n", "^standard input begins with columns .* tabs: give --format tsv"),
    ],
)
def test_what_is_wrong_with_standard_input(
    monkeypatch: pytest.MonkeyPatch, piped: str, says: str
) -> None:
    pipe(monkeypatch, piped)
    with pytest.raises(DataError, match=says):
        read_examples("-")


def test_a_table_may_begin_as_json_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "{x},a\n{x},b\n")
    assert read_examples("-", pipe_format="csv") == [Example("a", "{x}"), Example("b", "{x}")]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["a", None], "row 2: 'label' is missing"),
        (["a", " "], "row 2: the label is empty"),
        ([0.5, 1.0], "row 1: 'label' is neither a text nor a whole number"),
        ([True, False], "row 1: 'label' is neither a text nor a whole number"),
    ],
)
def test_labels_of_a_parquet_file_that_are_none(
    tmp_path: Path, labels: list[object], says: str
) -> None:
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pa.table({"text": ["x", "y"], "label": labels}), path)
    with pytest.raises(DataError, match=rf"in\.parquet, {says}"):
        read_examples(str(path))


def test_whole_numbers_of_a_parquet_file_are_names(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pa.table({"text": ["x", "y"], "label": [3, 0]}), path)
    assert read_examples(str(path)) == [Example("x", "3"), Example("y", "0")]
