import csv
import gzip
import io
import json
from pathlib import Path

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.data.examples import Example, read_examples, read_texts
from conveyor.model.data.rows import Columns
from conveyor.model.errors import DataError

EXPECTED = [
    Example("a film, long", "good one"),
    Example('she said "no"', "bad"),
    Example("小", "好"),
    Example("short", "good one"),
]


def write(path: Path, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


CSV = 'label,text\ngood one,"a film, long"\nbad,"she said ""no"""\n好,小\ngood one,short\n'
TSV = 'label\ttext\ngood one\ta film, long\nbad\tshe said "no"\n好\t小\ngood one\tshort\n'
JSONL = "".join(json.dumps({"text": e.text, "label": e.label, "id": 1}) + "\n" for e in EXPECTED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.tsv", TSV),
        ("a.jsonl", JSONL),
        ("a.csv.gz", CSV),
        ("a.tsv.gz", TSV),
        ("a.jsonl.gz", JSONL),
        ("A.CSV", CSV),
        ("bom.csv", "\ufeff" + CSV),
        ("windows.csv", CSV.replace("\n", "\r\n")),
        ("unended.csv", CSV.rstrip("\n")),
        ("blank-lines.jsonl", JSONL.replace("\n", "\n\n")),
        ("no-header.csv", CSV.removeprefix("label,text\n")),
        ("no-header.tsv", TSV.removeprefix("label\ttext\n")),
    ],
)
def test_every_format_reads_the_same(tmp_path: Path, name: str, content: str) -> None:
    assert read_examples(write(tmp_path / name, content)) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,body,topic\n1,a text,a topic\n"),
        ("a.tsv", "topic\tbody\na topic\ta text\n"),
        ("a.jsonl", '{"topic": "a topic", "body": "a text"}\n'),
    ],
)
def test_columns_by_name(tmp_path: Path, name: str, content: str) -> None:
    examples = read_examples(write(tmp_path / name, content), Columns("body", "topic"))
    assert examples == [Example("a text", "a topic")]


def test_texts_of_several_lines_and_of_any_length(tmp_path: Path) -> None:
    long = "word " * 100_000
    source = write(tmp_path / "a.csv", f'text,label\n"two\nlines",x\n{long},y\n')
    assert read_examples(source) == [Example("two\nlines", "x"), Example(long, "y")]


def test_number_labels_become_names(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", '{"text": "a", "label": 3}\n')
    assert read_examples(source) == [Example("a", "3")]


@pytest.mark.parametrize(
    ("name", "content", "columns", "says"),
    [
        ("a.csv", "", Columns(), "holds no examples"),
        ("a.csv", "text,label\n", Columns(), "holds no examples"),
        ("a.jsonl", "\n", Columns(), "holds no examples"),
        ("a.xlsx", "", Columns(), r"use \.csv, \.tsv or \.jsonl, .* or \.parquet"),
        ("a", "", Columns(), r"use \.csv, \.tsv or \.jsonl, .* or \.parquet"),
        ("a.csv", "a,b,c\n1,2,3\n", Columns(), "line 1: name the columns .* 'a', 'b', 'c'"),
        (
            "a.csv",
            "review,sentiment\nx,y\nz,y\n",
            Columns(),
            "line 1: name the columns .* 'review'",
        ),
        ("a.csv", "a,b\n1,2\n", Columns("body"), "line 1: there is no column 'body'.* 'a', 'b'"),
        ("a.csv", "a,a\n1,2\n", Columns("a", "a"), "line 1: there are several columns 'a'"),
        ("a.csv", "text,label\nx,y\nx\n", Columns(), "line 3: 1 columns, where .* has 2"),
        ("a.csv", 'text,label\nx,y\n"x,y\n', Columns(), "line 3: this is no valid table row"),
        ("a.csv", "text,label\nx,y\nx, \n", Columns(), "line 3: the label is empty"),
        ("a.csv", b"text,label\nx,y\n\xff,y\n", Columns(), "line 3: byte 1 is not UTF-8"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{\n', Columns(), "line 2: this is not JSON"),
        ("a.jsonl", "[1]\n", Columns(), "line 1: this is not a JSON object"),
        ("a.jsonl", '{"text": "a"}\n', Columns(), "line 1: there is no 'label', only 'text'"),
        ("a.jsonl", '{"text": 1, "label": "b"}\n', Columns(), "line 1: 'text' is not a text"),
        ("a.jsonl", '{"text": "a", "label": 0.5}\n', Columns(), "line 1: 'label' is neither"),
        ("a.jsonl", '{"text": "a", "label": true}\n', Columns(), "line 1: 'label' is neither"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, columns: Columns, says: str
) -> None:
    source = write(tmp_path / name, content)
    with pytest.raises(DataError, match=says) as caught:
        read_examples(source, columns)
    assert str(caught.value).startswith(source)
    assert "\n" not in str(caught.value)


BROKEN_IN_THE_MIDDLE = [
    ("a.csv", b'label,text\nx,"a\nb\nc"\ny,d\nz,"e\nf",g\ny,h\n', "line 6: 3 columns, where"),
    ("a.csv", b'label,text\nx,"a\nb"\nz,"never\nends,c\nd\n', "line 4: this is no valid table row"),
    ("a.csv", b'label,text\nx,"a\nb"\nz,"c\nd\xff"\ny,e\n', "line 5: byte 2 is not UTF-8"),
    ("a.csv", b"label,text\n\n\nx\ny,b\n", "line 4: 1 columns, where"),
    ("a.tsv", b'label\ttext\nx\t"a\ny\ty\ty\nz\tz\n', "line 3: 3 columns, where"),
    (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n\n{"text": "b", \n{}\n',
        r"line 3: this is not JSON \(.* at character 16\)",
    ),
    (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n\n{"text": "\xff"}\n{}\n',
        "line 3: byte 11 is not UTF-8",
    ),
]


@pytest.mark.parametrize(("name", "content", "says"), BROKEN_IN_THE_MIDDLE)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_is_broken_in_the_middle_is_said_with_the_line_in_which_its_row_begins(
    tmp_path: Path, name: str, content: bytes, says: str, suffix: str
) -> None:
    """Or, of bytes that are no UTF-8, their own line; with labels and without."""
    source = write(tmp_path / (name + suffix), content)
    for read in (read_examples, read_texts):
        with pytest.raises(DataError, match=rf"{name}{suffix}, {says}"):
            read(source)


@given(st.lists(st.tuples(st.text('a\n ",é'), st.sampled_from("xy")), min_size=1))
def test_an_example_knows_the_line_in_which_it_begins(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(["text", "label"])
    begins = []
    for row in rows:
        begins.append(content.getvalue().count("\n") + 1)
        writer.writerow(row)
    source = write(tmp_path_factory.mktemp("data") / "a.csv.gz", content.getvalue())
    examples = read_examples(source)
    assert [(e.text, e.label) for e in examples] == rows
    assert [e.place for e in examples] == [f"{source}, line {line}" for line in begins]


def test_without_a_header_and_in_other_formats_too(tmp_path: Path) -> None:
    for name, content in (("a.csv", "\nx,a\nx,b\n"), ("a.jsonl", "\n" + JSONL)):
        source = write(tmp_path / name, content)
        places = [example.place for example in read_examples(source)]
        assert places == [f"{source}, line {line}" for line in range(2, 2 + len(places))]
        assert len(places) in {2, len(EXPECTED)}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file or directory"):
        read_examples(str(tmp_path / "none.csv"))


def test_a_truncated_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode())[:-12])
    with pytest.raises(DataError, match="cannot be read"):
        read_examples(str(path))


def test_a_corrupt_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    content = bytearray(gzip.compress(CSV.encode() * 100))
    content[20:60] = b"x" * 40
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_examples(str(path))


def test_a_text_file_that_says_it_is_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_text(CSV)
    with pytest.raises(DataError, match="cannot be read: Not a gzipped file"):
        read_examples(str(path))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A data set as the datasets library loads it, though from a directory instead of the hub."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    directory = tmp_path / "reviews"
    directory.mkdir()
    label = datasets.ClassLabel(names=["neg", "pos"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    rows = {
        "train": {"text": ["a", "b"], "label": [1, 0]},
        "test": {"text": ["c"], "label": [1]},
        "validation": {"text": ["d", "e"], "label": [1, -1]},
    }
    for name, columns in rows.items():
        made = datasets.Dataset.from_dict(columns, features=features)
        made.to_parquet(directory / f"{name}.parquet")
    return f"hub:{directory}"


def test_a_set_of_the_hub(hub: str) -> None:
    assert read_examples(hub) == [Example("a", "pos"), Example("b", "neg")]
    assert read_examples(f"{hub}@test") == [Example("c", "pos")]
    assert [e.place for e in read_examples(hub)] == [f"{hub}, row 1", f"{hub}, row 2"]


@pytest.mark.parametrize(
    ("suffix", "columns", "says"),
    [
        ("@dev", Columns(), "cannot be loaded: .*dev"),
        ("/none", Columns(), "cannot be loaded: "),
        ("@validation", Columns(), "row 2: 'label' is missing"),
        ("", Columns("body"), "has no column 'body'; the columns are 'text', 'label'"),
    ],
)
def test_what_is_wrong_with_a_set_of_the_hub(
    hub: str, suffix: str, columns: Columns, says: str
) -> None:
    with pytest.raises(DataError, match=says):
        read_examples(hub + suffix, columns)


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("labelled.csv", CSV, None),
        ("labelled.tsv.gz", TSV, None),
        ("no-header.csv", CSV.removeprefix("label,text\n"), None),
        ("labelled.jsonl", JSONL, None),
        ("texts.tsv", "".join(f"{e.text}\n" for e in EXPECTED), None),
        ("texts.csv", 'text\n"a film, long"\n"she said ""no"""\n小\nshort\n', None),
        (
            "named.csv",
            'id,body,x\n1,"a film, long",\n2,"she said ""no""",\n3,小,\n4,short,\n',
            "body",
        ),
        ("named.jsonl", JSONL.replace('"text"', '"body"'), "body"),
    ],
)
def test_texts_are_read_with_labels_or_without(
    tmp_path: Path, name: str, content: str, column: str | None
) -> None:
    texts = read_texts(write(tmp_path / name, content), column)
    assert texts == [example.text for example in EXPECTED]


@pytest.mark.parametrize(
    ("name", "content", "column", "says"),
    [
        ("a.csv", "", None, "a.csv holds no texts: it needs a line for each"),
        ("a.csv", "a,b,c\n", None, "line 1: name the column of the text; the columns are 'a'"),
        ("a.csv", "a,b\n1,2\n", "c", "line 1: there is no column 'c'"),
        ("a.tsv", "a\tb\nc\n", None, "line 2: 1 columns, where the first line has 2"),
        ("a.csv", 'a,"b\n', None, "no valid table row"),
        ("a.jsonl", '{"text": 1}\n', None, "line 1: 'text' is not a text but int"),
        ("a.txt", "a\n", None, "unsupported file type"),
    ],
)
def test_texts_that_cannot_be_read(
    tmp_path: Path, name: str, content: str, column: str | None, says: str
) -> None:
    with pytest.raises(DataError, match=says):
        read_texts(write(tmp_path / name, content), column)
