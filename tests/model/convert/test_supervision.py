"""Whatever a file of another framework does to the library that reads it, it ends in a sentence."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from model.convert import files
from model.convert.source import Hints
from model.convert.supervision import Tell, supervised
from model.errors import ConversionError, OutOfMemory
from model.interruption import interruptible

# Keras takes seconds to be imported, for each of them.
KINDS = {"m.safetensors": 40, "m.pt": 40, "m.onnx": 12, "m.h5": 4, "m.keras": 4}


def mutate(path: Path, what: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.model.convert.mutate", str(path), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said: str = done.stdout
    return said.splitlines()


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_ends_in_a_sentence_or_is_converted(tmp_path: Path, name: str) -> None:
    mutate(tmp_path / name, "make")
    whole, *ends = mutate(tmp_path / name, str(KINDS[name]))
    assert whole.startswith("converted: ")
    assert len(ends) == KINDS[name]
    assert all(end.startswith(("converted: ", "'", '"')) for end in ends)
    assert sum(end.startswith(("'", '"')) for end in ends) > len(ends) / 10


def fails(error: BaseException) -> Callable[[Tell], Any]:
    def work(_tell: Tell) -> None:
        raise error

    return work


def test_what_is_told_and_returned_arrives() -> None:
    told: list[object] = []

    def work(tell: Tell) -> int:
        tell("a")
        return os.getpid()

    assert supervised(work, Path("m"), told.append) != os.getpid()
    assert told == ["a"]
    with pytest.raises(OutOfMemory, match="so it is"):
        supervised(fails(OutOfMemory("so it is")), Path("m"), print)
    with pytest.raises(ConversionError, match=r"a library fails .SystemError: a b\)"):
        supervised(fails(SystemError("a\nb")), Path("m"), print)


def test_a_library_that_runs_for_ever_or_crashes_is_a_sentence(tmp_path: Path) -> None:
    def forever(_tell: Tell) -> None:
        while True:
            pass

    with pytest.raises(ConversionError, match=r"model\.h5 cannot be converted: .* takes more than"):
        supervised(forever, tmp_path / "model.h5", print, seconds=0.5)
    with pytest.raises(ConversionError, match=r"a library ended with SIGKILL over it"):
        supervised(lambda _: os.kill(os.getpid(), signal.SIGKILL), tmp_path, print)
    with pytest.raises(ConversionError, match=r"a library ended with exit code 3 over it"):
        supervised(lambda _: os._exit(3), tmp_path, print)


def test_it_can_be_interrupted(tmp_path: Path) -> None:
    def work(_tell: Tell) -> None:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(typer.Exit) as end, interruptible():
        supervised(work, tmp_path, print)
    assert end.value.exit_code == 130


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConversionError, match="cannot be read: it is no regular file"):
        files.read(tmp_path / name, Hints())
