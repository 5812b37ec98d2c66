import pytest

from conveyor.model.data.formats import check_pipe_format, format_of
from conveyor.model.errors import DataError


@pytest.mark.parametrize(
    ("name", "pipe_format", "expected"),
    [
        ("a.csv", None, ".csv"),
        ("A.Tsv.GZ", None, ".tsv.gz"),
        ("a.b.jsonl", None, ".jsonl"),
        ("A.Parquet", None, ".parquet"),
        ("hub:some/set@test", None, "hub:"),
        ("-", None, ".csv"),
        ("-", "jsonl", ".jsonl"),
        ("a.csv", "jsonl", ".csv"),
    ],
)
def test_a_name_tells_the_format(name: str, pipe_format: str | None, expected: str) -> None:
    assert str(format_of(name, pipe_format)) == expected


@pytest.mark.parametrize("name", ["a.parquet.gz", "a.gz", "a", "a.txt", ""])
def test_names_that_tell_no_format(name: str) -> None:
    with pytest.raises(DataError, match=r"unsupported file type; use \.csv, .* or \.parquet\.$"):
        format_of(name)


def test_a_format_is_given_for_a_pipe_alone() -> None:
    check_pipe_format(None, ["a.csv"])
    check_pipe_format("csv", ["a.csv", "-"])
    with pytest.raises(DataError, match="--format tells what `-` is"):
        check_pipe_format("csv", ["a.csv"])
