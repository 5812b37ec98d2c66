"""Every command reads every kind of file, and does the same with what it holds."""

import csv
from pathlib import Path

import datasets
import pyarrow.parquet
import pytest

from tests.conftest import reviews
from tests.data_files import SOURCES, format_flag, write_source
from tests.process import assert_one_sentence, conveyor

ROWS = [
    {"id": str(number), "body": example.text, "topic": example.label}
    for number, example in enumerate(reviews(40))
]
TEXT, LABEL = ["--text-column", "body"], ["--label-column", "topic"]
SMALL = ["--epochs", "1", "--hidden-size", "4", "--embedding-dim", "4", "--device", "cpu"]

# What a command is told beside the data, and the files that hold what it has made of them.
COMMANDS = {
    "train": ([*TEXT, *LABEL, *SMALL, "--out", "made"], "made/model.safetensors"),
    "pretrain": ([*TEXT, *SMALL, "--out", "made"], "made/model.safetensors"),
    "evaluate": ([*TEXT, *LABEL], ""),
    "predict": ([*TEXT, "--out", "made.csv"], "made.csv"),
}


def run(directory: Path, model: Path, command: str, source: str) -> bytes:
    """What a command makes of the rows, whatever they are in."""
    directory.mkdir(exist_ok=True)
    name, piped = write_source(directory, source, ROWS)
    arguments, made = COMMANDS[command]
    done = conveyor(
        command,
        *([model] if command in {"evaluate", "predict"} else []),
        *("--data", name, *format_flag(source), *arguments),
        cwd=directory,
        piped=piped,
        first=f"import os; os.environ['HF_DATASETS_CACHE'] = {str(directory / 'cache')!r}",
    )
    assert done.returncode == 0, done.stderr
    return (directory / made).read_bytes() if made else done.stdout.encode()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> dict[str, bytes]:
    """What each command makes of a .csv."""
    directory = tmp_path_factory.mktemp("expected")
    return {name: run(directory / name, trained, name, "in.csv") for name in COMMANDS}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_makes_the_same_of_every_kind_of_file(
    tmp_path: Path, trained: Path, expected: dict[str, bytes], command: str, source: str
) -> None:
    made = run(tmp_path, trained, command, source)
    assert made == expected[command]
    if command == "predict":
        rows = list(csv.DictReader(made.decode().splitlines()))
        assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS


@pytest.mark.parametrize("command", COMMANDS)
def test_a_format_for_no_pipe_is_refused(tmp_path: Path, trained: Path, command: str) -> None:
    data = ["--data", "in.csv", "--format", "csv", *COMMANDS[command][0]]
    model = [trained] if command in {"evaluate", "predict"} else []
    result = conveyor(command, *model, *data, cwd=tmp_path)
    assert_one_sentence(result, "--format tells what `-` is: the name of a file tells it itself")


def test_validation_texts_and_those_without_labels_may_be_of_another_kind(
    tmp_path: Path, expected: dict[str, bytes]
) -> None:
    name, _ = write_source(tmp_path, "in.parquet", ROWS)
    _, piped = write_source(tmp_path, "- jsonl", ROWS)
    data = ["--data", name, "--validation-data", "-", "--format", "jsonl", "--unlabelled", name]
    more = ["--entropy", "0.1", *COMMANDS["train"][0]]
    done = conveyor("train", *data, *more, cwd=tmp_path, piped=piped)
    assert done.returncode == 0, done.stderr
    assert "on 40 held-out texts" in done.stdout
    assert (tmp_path / "made" / "model.safetensors").read_bytes() != expected["train"]


def test_a_data_set_of_the_hub_is_labelled_with_its_types(tmp_path: Path, trained: Path) -> None:
    name = f"hub:{tmp_path / 'in'}"
    picture = {"bytes": b"no picture", "path": "a.png"}
    made = datasets.Dataset.from_dict(
        {"n": [1, 2], "body": ["a film", "dull"], "kind": [1, -1], "picture": [picture] * 2},
        datasets.Features(
            n=datasets.Value("int16"),
            body=datasets.Value("string"),
            kind=datasets.ClassLabel(names=["x", "y"]),
            picture={"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
        ),
    )
    (tmp_path / "in").mkdir()
    made.to_parquet(tmp_path / "in" / "train.parquet")
    cache = f"import os; os.environ['HF_DATASETS_CACHE'] = {str(tmp_path / 'cache')!r}"
    command = ["predict", str(trained), "--data", name, *TEXT, "--out"]
    done = conveyor(*command, "out.parquet", cwd=tmp_path, first=cache)
    assert done.returncode == 0, done.stderr
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert str(table.schema.field("n").type) == "int16"
    rows = table.drop_columns(["label", "score"]).to_pylist()
    assert rows == [
        {"n": 1, "body": "a film", "kind": "y", "picture": picture},
        {"n": 2, "body": "dull", "kind": None, "picture": picture},
    ]
    written = conveyor(*command, "hub:out", cwd=tmp_path, first=cache)
    assert_one_sentence(written, "hub:out cannot be written: give --out the name of a file")
