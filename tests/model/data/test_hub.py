from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow as pa
import pytest

from conveyor.model.data import arrow
from conveyor.model.data.examples import read_examples, read_texts
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import UNLABELLED, BadRow, Row
from conveyor.model.errors import DataError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def hub(directory: Path, columns: dict[str, list[object]], **features: object) -> str:
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    made.to_parquet(directory / "train.parquet")
    return f"hub:{directory}"


def test_classes_of_the_hub_are_read_by_their_names(tmp_path: Path) -> None:
    source = hub(
        tmp_path,
        {"text": ["a", "b", None], "label": [1, -1, 0], "n": [7, 8, 9]},
        text=datasets.Value("string"),
        label=datasets.ClassLabel(names=["neg", "pos"]),
        n=datasets.Value("int64"),
    )
    with open_rows(source, UNLABELLED) as rows:
        digests = [rows.digest()]
        assert rows.share() == 0
        first, second, bad = rows
        digests.append(rows.digest())
        assert rows.share() == 1
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.cells == {"text": "a", "label": "pos", "n": 7}
    assert second.cells == {"text": "b", "label": None, "n": 8}
    assert second.place == f"{source}, row 2"
    assert isinstance(bad, BadRow)
    assert str(bad) == f"{source}, row 3: 'text' is missing."
    assert len(set(digests)) == 2


def test_labels_of_the_hub_may_be_of_any_type(tmp_path: Path) -> None:
    source = hub(
        tmp_path, {"text": ["a", "b"], "label": [True, False]},
        text=datasets.Value("string"), label=datasets.Value("bool"),
    )  # fmt: skip
    assert [example.label for example in read_examples(source)] == ["True", "False"]


def test_a_column_of_the_hub_that_holds_no_texts(tmp_path: Path) -> None:
    source = hub(tmp_path, {"text": [1]}, text=datasets.Value("int64"))
    with pytest.raises(DataError, match="row 1: 'text' is not a text but int"):
        read_texts(source)


def test_a_row_of_the_hub_that_is_too_large_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow, "ROW_BYTES", 1000)
    source = hub(tmp_path, {"text": ["a", "b" * 5000, "c"]}, text=datasets.Value("string"))
    with open_rows(source, UNLABELLED) as rows:
        first, bad, last = rows
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert (first.text, last.text) == ("a", "c")
    assert isinstance(bad, BadRow)
    assert "row 2: this row has 5," in str(bad)
    assert str(bad).endswith("1,000 are the most.")


def test_a_data_set_of_the_hub_that_breaks_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hub(tmp_path, {"text": ["a"]}, text=datasets.Value("string"))

    def breaks(*_: object, **__: object) -> Iterator[None]:
        raise pa.ArrowInvalid("it is\nbroken")
        yield

    monkeypatch.setattr(datasets.Dataset, "iter", breaks)
    with pytest.raises(DataError, match=r"^hub:.* cannot be read: it is broken\.$"):
        read_texts(source)
