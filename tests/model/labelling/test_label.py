import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.data.formats import format_of
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import UNLABELLED, BadRow, Row, Rows
from conveyor.model.labelling import label as module
from conveyor.model.labelling.label import label_rows, windows
from conveyor.model.labelling.parquet import ParquetWriter
from conveyor.model.labelling.resumable import Mark, Run, open_partial
from conveyor.model.labelling.writers import (
    AddedColumns,
    GzipWriter,
    JsonLinesWriter,
    TableWriter,
    Writer,
)
from tests.conftest import random_classifier, reviews

CLASSIFIER = random_classifier(max_tokens=20)
LABELS = CLASSIFIER.config.labels
WORDS = sorted({word for review in reviews(50) for word in review.text.split()})
RUN = Run(
    model="m",
    input_format=".jsonl",
    output_format=".jsonl",
    text_column=None,
    prefix="",
    all_scores=True,
)

texts = st.lists(st.text("a é\n\"',\t\r") | st.lists(st.sampled_from(WORDS)).map(" ".join))


class Killed(BaseException):
    """What ends a run without a word."""


def label(
    source: Path, out: Path, *, prefix: str = "", scores: bool = True, **flags: object
) -> Mark:
    """As the command does it."""
    with open_rows(str(source), UNLABELLED) as rows:
        return _label(rows, out, prefix, scores=scores, **flags)


def _label(rows: Rows, out: Path, prefix: str, *, scores: bool, **flags: object) -> Mark:
    added = AddedColumns(LABELS, prefix, scores)
    kind, compressed = format_of(str(out))
    output: Writer
    if kind == ".parquet":
        output = ParquetWriter(added, getattr(rows, "schema", None))
    else:
        output = JsonLinesWriter(added) if kind == ".jsonl" else TableWriter(added, kind)
    output = GzipWriter(output) if compressed else output
    with open_partial(out, RUN, getattr(output, "assemble", None)) as sink:
        return label_rows(CLASSIFIER, rows, output, sink, **flags)  # type: ignore[arg-type]


def write_jsonl(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_jsonl(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_ROWS", 7)


@given(texts, st.integers(1, 5), st.integers(1, 30))
def test_labels_are_those_of_each_text_alone_in_the_order_of_the_texts(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], rows: int, characters: int
) -> None:
    directory = tmp_path_factory.mktemp("predict")
    source = write_jsonl(directory / "a.jsonl", [{"n": n, "text": t} for n, t in enumerate(texts)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW_ROWS", rows)
        patch.setattr(module, "WINDOW_BYTES", characters)
        mark = label(source, directory / "b.jsonl")
    assert (mark.rows, mark.skipped) == (len(texts), 0)
    labelled = read_jsonl(directory / "b.jsonl")
    assert [(row["n"], row["text"]) for row in labelled] == list(enumerate(texts))
    for row, text in zip(labelled, texts, strict=True):
        [alone] = CLASSIFIER.predict([CLASSIFIER.encode([text])[0].last(20)])
        scores = row["scores"]
        assert isinstance(scores, dict)
        assert list(scores) == list(LABELS)
        np.testing.assert_allclose(list(scores.values()), alone, atol=1e-6)
        assert (row["label"], row["score"]) == max(scores.items(), key=lambda pair: pair[1])


@given(st.lists(st.text("ab", max_size=5) | st.none()))
def test_windows_are_all_rows_and_depend_on_nothing_behind_them(texts: list[str | None]) -> None:
    rows: list[Row | BadRow] = [BadRow("x") if t is None else Row("", t, {}) for t in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW_ROWS", 3)
        patch.setattr(module, "WINDOW_BYTES", 8)
        found = list(windows(rows))
        for end in range(len(rows)):
            assert found[: len(list(windows(rows[:end]))) - 1] == list(windows(rows[:end]))[:-1]
    assert [row for window in found for row in window] == rows
    assert all(found) or found == [[]]
    assert all(len(window) <= 3 for window in found)
    characters = [sum(len(r.text) for r in window[:-1] if isinstance(r, Row)) for window in found]
    assert all(count < 8 for count in characters)


ROWS = [
    {"id": "1", "text": "a wonderful, moving film"},
    {"id": "", "text": 'she said "dull"'},
    {"id": "小", "text": ""},
]


def as_table(rows: list[dict[str, str]], kind: str) -> str:
    written = io.StringIO()
    if kind == ".tsv":
        return "".join("\t".join(r) + "\n" for r in [[*rows[0]], *(r.values() for r in rows)])
    csv.writer(written).writerows([[*rows[0]], *(r.values() for r in rows)])
    return written.getvalue()


def as_jsonl(rows: list[dict[str, str]], _kind: str) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
