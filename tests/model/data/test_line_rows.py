import gzip
from pathlib import Path

import pytest

from conveyor.model.data.formats import format_of
from conveyor.model.data.line_rows import LineRows
from conveyor.model.data.lines import open_lines
from conveyor.model.data.rows import BadRow, Columns, Row
from conveyor.model.errors import DataError


def read(path: Path, content: bytes, column: str | None = None) -> list[Row | BadRow]:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    kind, compressed = format_of(str(path))
    with open_lines(str(path), compressed=compressed) as lines:
        return list(LineRows(lines, kind, Columns(column, labelled=False)))


def told(rows: list[Row | BadRow]) -> list[str]:
    """The good rows' texts, and of the bad ones what is wrong, from the line on."""
    return [
        row.text if isinstance(row, Row) else str(row).partition(", ")[2].partition(" (")[0]
        for row in rows
    ]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.csv",
            b'id,text\n1,"a\nb"\n2\n\n3,"c\xff\nd"\n4,"e"x\n5,f\n',
            [
                "a\nb",
                "line 4: 1 columns, where the first line has 2.",
                "line 6: byte 5 is not UTF-8; save the file as UTF-8.",
                "line 8: this is no valid table row",
                "f",
            ],
        ),
        (
            "a.tsv",
            b'text\tid\n"a\t1\nb\nc\xff\t2\nd\t3\n',
            [
                '"a',
                "line 3: 1 columns, where the first line has 2.",
                "line 4: byte 2 is not UTF-8; save the file as UTF-8.",
                "d",
            ],
        ),
        (
            "a.jsonl",
            (
                b'{"text": "a"}\n\n[1]\n{"text": "\xff"}\n{"text": null}\n{\n{"txt": "b"}\n'
                b'{"text": "c"}'
            ),
            [
                "a",
                "line 3: this is not a JSON object, as every line must be.",
                "line 4: byte 11 is not UTF-8; save the file as UTF-8.",
                "line 5: 'text' is not a text but NoneType.",
                "line 6: this is not JSON",
                "line 7: there is no 'text', only 'txt'.",
                "c",
            ],
        ),
        ("a.csv", b"a\nb\n", ["a", "b"]),
        ("a.csv", b"x,a\ny,b\n", ["a", "b"]),
        ("a.csv", b"", []),
        ("a.csv", b"text\n", []),
    ],
)
def test_behind_a_bad_row_it_goes_on(
    tmp_path: Path, name: str, content: bytes, expected: list[str], suffix: str
) -> None:
    assert told(read(tmp_path / (name + suffix), content)) == expected


def test_cells_go_by_their_columns(tmp_path: Path) -> None:
    [row] = read(tmp_path / "a.csv", b"id,body\n7,x\n", "body")
    assert row == Row(f"{tmp_path}/a.csv, line 2", "x", {"id": "7", "body": "x"})
    [row] = read(tmp_path / "b.csv", b"pos,x\n")
    assert isinstance(row, Row)
    assert row.cells == {"label": "pos", "text": "x"}


def test_where_rows_begin_is_lost_with_a_quote_that_never_ends(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: this is no valid table row"):
        read(tmp_path / "a.csv", b'text\na\n"b\nc\n')


def test_the_digest_is_of_what_was_read_and_knows_no_compression(tmp_path: Path) -> None:
    digests = []
    for name, content in (("a", b"text\na\nb\n"), ("b", b"text\na\nX\n")):
        for path in (tmp_path / f"{name}.csv", tmp_path / f"{name}.csv.gz"):
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
            with open_lines(str(path), compressed=path.suffix == ".gz") as lines:
                rows = LineRows(lines, ".csv")
                found = iter(rows)
                next(found)
                digests.append(rows.digest())
                next(found)
                digests.append(rows.digest())
    first = digests[0]
    assert digests == [first, digests[1]] * 2 + [first, digests[5]] * 2
    assert len({first, digests[1], digests[5]}) == 3


def test_how_much_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "x" * 94 + "\n" + "y" * 99 + "\n")
    with open_lines(str(path)) as lines:
        rows = LineRows(lines, ".csv")
        next(iter(rows))
        assert rows.share() == 0.5
