"""conveyor predict as people run it: real files, pipes, and interruptions."""

import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from conveyor.model.artifact import storage
from conveyor.model.data.formats import CSV, JSONL, TSV
from conveyor.model.labelling.label import WINDOW_ROWS
from tests.conftest import reviews
from tests.fork_server import Conveyor
from tests.process import CONVEYOR, PATIENCE, assert_one_sentence, conveyor, until

ROWS = 14_000  # three windows, and what is left
TEXTS = [example.text for example in reviews(40)]


def write(path: Path, texts: list[str]) -> Path:
    """Write texts with a number each, in the kind of file that the name says."""
    rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
        return path
    kind = next(suffix for suffix in path.suffixes if suffix in {CSV, TSV, JSONL})
    made = io.StringIO()
    if kind == JSONL:
        made.writelines(json.dumps(row) + "\n" for row in rows)
    elif kind == TSV:
        made.writelines(f"{row['id']}\t{row['text']}\n" for row in [{"id": "id", "text": "text"}])
        made.writelines(f"{row['id']}\t{row['text']}\n" for row in rows)
    else:
        table = csv.DictWriter(made, ["id", "text"])
        table.writeheader()
        table.writerows(rows)
    content = made.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        rows = pyarrow.parquet.read_table(path).to_pylist()
        return [{name: str(value) for name, value in row.items()} for row in rows]
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    if JSONL in path.suffixes:
        return [json.loads(line) for line in lines]
    return list(csv.DictReader(lines, delimiter="\t" if TSV in path.suffixes else ","))


@pytest.mark.parametrize(
    ("data", "out"),
    [
        ("in.csv", "out.jsonl"),
        ("in.tsv.gz", "out.csv"),
        ("in.jsonl", "out.tsv.gz"),
        ("in.jsonl.gz", "out.parquet"),
        ("in.parquet", "out.jsonl.gz"),
        ("in.parquet", "out.parquet"),
    ],
)
def test_every_row_comes_out_labelled_in_its_place(
    trained: Path, tmp_path: Path, data: str, out: str
) -> None:
    write(tmp_path / data, TEXTS)
    done = conveyor("predict", trained, "--data", data, "--out", out, "--scores", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 rows are labelled" in done.stderr
    classifier = storage.load(trained).classifier
    rows = read(tmp_path / out)
    assert [(row["id"], row["text"]) for row in rows] == [
        (str(number), text) for number, text in enumerate(TEXTS)
    ]
    for row, text in zip(rows, TEXTS, strict=True):
        [scores] = classifier.predict(classifier.encode([text]))
        assert row["label"] == classifier.config.labels[scores.argmax()]
        assert float(row["score"]) == pytest.approx(scores.max(), abs=1e-6)
        for label, score in zip(classifier.config.labels, scores, strict=True):
            found = row["scores"][label] if "scores" in row else row[f"score_{label}"]  # type: ignore[index]
            assert float(found) == pytest.approx(score, abs=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([data, out])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(TEXTS[0].split(), k=rng.randint(0, 12))) for _ in range(ROWS)]
    return write(tmp_path_factory.mktemp("many") / "many.csv", texts)


def noted(progress: Path) -> int:
    """Read how many rows a run says that it is through with."""
    if not progress.exists():
        return 0
    rows: int = json.loads(progress.read_text())["rows"]
    return rows


@pytest.mark.parametrize("out", ["out.jsonl", "out.csv.gz", "out.parquet"])
def test_killed_and_run_again_it_ends_with_the_same_bytes(
    trained: Path, many: Path, tmp_path: Path, out: str
) -> None:
    (tmp_path / "cut").mkdir()
    assert conveyor("predict", trained, "--data", many, "--out", tmp_path / out).returncode == 0
    cut = tmp_path / "cut" / out
    progress = cut.with_name(f"{out}.progress")
    pipe = tmp_path / "many.csv"
    os.mkfifo(pipe)
    command: list[str | Path] = ["predict", trained, "--data", pipe, "--out", cut]
    lines = many.read_bytes().splitlines(keepends=True)
    for done in (1, 2):
        process: Conveyor[bytes] = Conveyor(command, stderr=subprocess.DEVNULL)
        with pipe.open("wb") as file:  # until it is closed, the run cannot come to its end
            file.writelines(lines[: (done + 1) * WINDOW_ROWS])
            file.flush()
            until(lambda rows=done * WINDOW_ROWS: noted(progress) == rows)  # type: ignore[misc]
            process.kill()
            process.wait()
        assert not cut.exists()
    # What was written after the last note is no part of it.
    with cut.with_name(f"{out}.partial").open("ab") as file:
        file.write(b"half a row")
    pipe.unlink()
    pipe.symlink_to(many)
    assert conveyor(*command).returncode == 0
    assert cut.read_bytes() == (tmp_path / out).read_bytes()
    assert len(read(cut)) == ROWS
    assert [path.name for path in cut.parent.iterdir()] == [out]


def interrupted(command: list[str | Path], out: Path, number: int) -> tuple[int, str]:
    """Send a signal once a run has gone on; returns its exit code and output."""
    progress = out.with_name(f"{out.name}.progress")
    before = noted(progress)
    process = Conveyor[str]([*command, out], stderr=subprocess.PIPE, text=True)
    while noted(progress) <= before:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def test_an_interrupted_run_says_that_it_can_go_on(
    trained: Path, many: Path, tmp_path: Path
) -> None:
    command: list[str | Path] = ["predict", trained, "--data", many, "--out"]
    out = tmp_path / "out.jsonl"
    for number in (signal.SIGINT, signal.SIGTERM):
        code, said = interrupted(command, out, number)
        assert code == 128 + number
        assert "Traceback" not in said
        rows = noted(out.with_name("out.jsonl.progress"))
        expected = f"conveyor: Interrupted. The same command goes on after {rows:,} rows."
        assert said.splitlines()[-1] == expected


BAD = '{"text": "a film"}\n{"text": 3}\nno JSON\n{"text": "dull"}\n'


def test_a_bad_row_ends_the_run_and_loses_nothing(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(BAD)
    command = ["predict", str(trained), "--data", "in.jsonl", "--out", "out.jsonl"]
    assert_one_sentence(
        conveyor(*command, cwd=tmp_path), r"in\.jsonl, line 2: 'text' is not a text"
    )
    assert not (tmp_path / "out.jsonl").exists()
    (tmp_path / "in.jsonl").write_text(BAD.replace("3", '"great"').replace("no JSON\n", ""))
    assert conveyor(*command, cwd=tmp_path).returncode == 0
    assert [row["text"] for row in read(tmp_path / "out.jsonl")] == ["a film", "great", "dull"]


def test_bad_rows_that_are_skipped_are_told_with_their_lines(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(BAD)
    command = ["predict", str(trained), "--data", "in.jsonl", "--out", "out.csv"]
    done = conveyor(*command, "--bad-rows", "skip", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "line 2: 'text' is not a text" in done.stderr
    assert "line 3: this is not JSON" in done.stderr
    assert "2 rows are labelled in out.csv; 2 bad ones were left out" in done.stderr
    assert [row["text"] for row in read(tmp_path / "out.csv")] == ["a film", "dull"]


def test_through_a_pipe(trained: Path) -> None:
    """The command itself, as a program of its own."""
    command = [*CONVEYOR, "predict", str(trained), "--data", "-", "--out", "-"]
    done = subprocess.run(
        [*command, "--format", "jsonl"], input=b'{"text": "a film"}\n', capture_output=True,
        check=True,
    )  # fmt: skip
    [row] = done.stdout.splitlines()
    assert list(json.loads(row)) == ["text", "label", "score"]


def test_a_reader_who_goes_away_ends_it_quietly(trained: Path, many: Path) -> None:
    process: Conveyor[bytes] = Conveyor(
        ["predict", trained, "--data", many, "--out", "-", "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read().decode()
    assert process.wait(timeout=PATIENCE) != 0
    assert "Traceback" not in said


def test_what_is_in_the_way_is_left_alone(trained: Path, tmp_path: Path) -> None:
    write(tmp_path / "in.csv", TEXTS)
    (tmp_path / "out.csv").write_text("mine")
    command = ["predict", str(trained), "--data", "in.csv", "--out"]
    assert_one_sentence(conveyor(*command, "out.csv", cwd=tmp_path), r"out\.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert_one_sentence(conveyor(*command, "/dev/full/out.csv", cwd=tmp_path), "cannot|written")
    write(tmp_path / "labelled.csv", TEXTS)
    (tmp_path / "labelled.csv").write_text("text,label\na,b\n")
    taken = conveyor("predict", trained, "--data", "labelled.csv", "--out", "new.csv", cwd=tmp_path)
    assert_one_sentence(taken, "label.*--prefix")
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv", "labelled.csv"}
    # What was refused is no run that another one would have to continue.
    command = ["predict", str(trained), "--data", "labelled.csv", "--out", "new.csv"]
    assert conveyor(*command, "--prefix", "p_", cwd=tmp_path).returncode == 0
    assert (tmp_path / "new.csv").read_text().startswith("text,label,p_label,p_score\n")


def test_memory_does_not_grow_with_the_file(trained: Path, tmp_path: Path) -> None:
    """The most that the process ever had, for little more than a window of rows, and for many."""
    most = []
    for count in (5000, 20_000):
        data, out = tmp_path / f"{count}.csv", tmp_path / f"{count}.jsonl"
        with data.open("w") as file:
            file.write("text,note\n")
            file.writelines(f"{TEXTS[row % len(TEXTS)]},{'n' * 3000}\n" for row in range(count))
        process: Conveyor[bytes] = Conveyor(
            ["predict", trained, "--data", data, "--out", out], stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        most.append(usage.ru_maxrss)
    assert most[1] < most[0] + 30_000  # KiB; all the notes are 60,000, in the rows and the answers
