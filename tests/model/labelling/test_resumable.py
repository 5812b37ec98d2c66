"""A file in the making is one run's, and is whole when it has its name."""

import fcntl
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from conveyor.model.errors import PredictionError
from conveyor.model.labelling import resumable
from conveyor.model.labelling.resumable import Partial, Run, open_partial, partial_of

RUN = Run(
    model="m",
    input_format=".csv",
    output_format=".csv",
    text_column=None,
    prefix="",
    all_scores=False,
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


def add(sink: Partial, row: bytes) -> None:
    sink.append(row, sink.mark.model_copy(update={"rows": sink.mark.rows + 1}))


def label(out: Path, *rows: bytes) -> None:
    """As a run does."""
    with open_partial(out, RUN) as sink:
        for row in rows:
            add(sink, row)
        sink.finish()


def test_a_run_that_is_refused_leaves_the_other_one_its_file(out: Path) -> None:
    """Both begin before either has written anything."""
    with open_partial(out, RUN) as first:
        with open_partial(out, RUN) as second:
            add(first, b"1\n")
            with pytest.raises(PredictionError, match="Another run writes"):
                add(second, b"1\n")
        add(first, b"2\n")
        with pytest.raises(PredictionError, match="Another run writes"):
            label(out)
        add(first, b"3\n")
        first.finish()
    assert out.read_bytes() == b"1\n2\n3\n"
    assert list(out.parent.iterdir()) == [out]


def test_a_run_that_begins_while_another_one_ends_leaves_the_file_alone(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = resumable._lock
    with open_partial(out, RUN) as first:
        add(first, b"1\n")

        def late(*arguments: Any) -> None:
            monkeypatch.undo()
            first.finish()
            lock(*arguments)

        monkeypatch.setattr(resumable, "_lock", late)
        with pytest.raises(PredictionError, match="is there already"):
            label(out, b"2\n")
    assert out.read_bytes() == b"1\n"
    assert list(out.parent.iterdir()) == [out]


def test_a_run_that_ends_before_its_file_has_a_name_is_gone_on_with(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_path: Path, _target: Path) -> None:
        raise OSError("the power is gone")

    with open_partial(out, RUN) as sink:
        add(sink, b"1\n")
        note = sink._note

        def noting(mark: object) -> None:
            note(mark)  # type: ignore[arg-type]
            monkeypatch.setattr(Path, "replace", ends)

        monkeypatch.setattr(sink, "_note", noting)
        with pytest.raises(OSError, match="power"):
            sink.finish()
    monkeypatch.undo()
    assert not out.exists()
    with open_partial(out, RUN) as sink:
        assert not sink.mark.finished
        assert sink.mark.rows == 1
        sink.finish()
    assert out.read_bytes() == b"1\n"
    assert list(out.parent.iterdir()) == [out]


def test_a_run_that_begins_while_another_gives_up(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has opened the file that the other one removes."""
    lock = fcntl.flock

    def late(file: BinaryIO, operation: int) -> None:
        partial_of(out).unlink()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(PredictionError, match="has just ended without rows"):
        label(out)


def test_a_file_that_somebody_makes_meanwhile_is_left_alone(out: Path) -> None:
    with open_partial(out, RUN) as sink:
        add(sink, b"1\n")
        out.write_bytes(b"mine")
        with pytest.raises(PredictionError, match="is there already"):
            sink.finish()
    with pytest.raises(PredictionError, match="is there already"):
        label(out)
    assert out.read_bytes() == b"mine"
    out.unlink()
    label(out, b"2\n")
    assert out.read_bytes() == b"1\n2\n"
