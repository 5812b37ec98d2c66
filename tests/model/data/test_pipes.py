"""A wait for a pipe ends when a signal is noted, and loses no byte otherwise."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest
import torch
import typer

from conveyor.model.data.examples import read_examples
from conveyor.model.data.lines import open_lines
from conveyor.model.data.parquet import ParquetRows
from conveyor.model.data.pipes import open_to_read, read_watched, write_watched
from conveyor.model.errors import DataError, TrainingError
from conveyor.model.interruption import interruptible
from conveyor.model.labelling.resumable import Pipe
from conveyor.model.training import checkpoint
from conveyor.model.training.checkpoint import Checkpoint
from conveyor.model.training.vectors import WordVectors
from tests.model.labelling.test_resumable import RUN

LONG = bytes(range(256)) * 4000  # much more than a pipe holds


def exit_code(work: Callable[[], object]) -> int:
    """Run what waits, with a signal that has come already."""

    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        work()

    with pytest.raises(typer.Exit) as end, interruptible():
        interrupted()
    return end.value.exit_code


def piped() -> tuple[BinaryIO, BinaryIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


def test_a_pipe_that_is_silent_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = piped()
    with reading, writing:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=reading))

        def lines() -> None:
            with open_lines("-") as found:
                next(found)

        assert exit_code(lines) == 143


def test_a_named_pipe_without_a_writer_can_be_interrupted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.csv")
    assert exit_code(partial(read_examples, str(tmp_path / "in.csv"))) == 143


def test_a_pipe_that_nobody_reads_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = piped()
    with reading, writing:
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=writing))
        sink = Pipe(RUN)
        assert exit_code(lambda: sink.append(LONG, sink.mark)) == 143


def test_all_that_is_written_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write(opened: Callable[[], BinaryIO]) -> None:
        with opened() as file:
            write_watched(file, LONG)

    reading, writing = piped()
    named = open_to_read(tmp_path / "pipe")
    for file, opened in (
        (read_watched(reading), lambda: writing),
        (named, lambda: (tmp_path / "pipe").open("wb")),
    ):
        writer = threading.Thread(target=write, args=(opened,))
        writer.start()
        assert file.read() == LONG
        writer.join()
        file.close()
    reading.close()


def test_a_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        write_watched(file, LONG)
        assert path.read_bytes() == LONG
    with path.open("rb") as file:
        assert read_watched(file) is file
    with open_to_read(path) as file:
        assert file.read() == LONG
    with pytest.raises(DataError, match="Is a directory"), open_lines(str(tmp_path)):
        pass


def test_a_pipe_is_refused_where_no_pipe_can_be(tmp_path: Path) -> None:
    for name in ("in.parquet", "vectors.txt", checkpoint.CHECKPOINT):
        os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="it is no regular file but a pipe"):
        ParquetRows(str(tmp_path / "in.parquet"))
    with pytest.raises(DataError, match="it is no regular file but a pipe"):
        WordVectors.of(tmp_path / "vectors.txt")
    with pytest.raises(TrainingError, match="cannot be read"):
        Checkpoint(tmp_path / checkpoint.CHECKPOINT, "").load(torch.device("cpu"))
