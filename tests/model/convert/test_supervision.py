"""A reader of another framework's file may hang, crash or fill memory: one sentence says so."""

import math
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer

from conveyor.model.convert import files
from conveyor.model.convert.source import Hints
from conveyor.model.convert.supervision import Report, supervised
from conveyor.model.errors import ConversionError, OutOfMemory
from conveyor.model.interruption import interruptible
from tests.model.convert import mutate

# How many damaged files of each kind: `python -m tests.model.convert.mutate` tries more.
KINDS = {"m.safetensors": 20, "m.pt": 20, "m.onnx": 12, "m.h5": 8, "m.keras": 8}


@pytest.fixture(scope="module")
def clean() -> Iterator[Executor]:
    """Start processes in which nothing has been computed; their imports are made once for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.model.convert.mutate"])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as executor:
        yield executor


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_ends_in_a_sentence_or_is_converted(
    tmp_path: Path, clean: Executor, name: str
) -> None:
    clean.submit(mutate.make, tmp_path / name).result()
    whole, *ends = clean.submit(mutate.ends, tmp_path / name, KINDS[name]).result()
    assert whole.startswith("converted: ")
    assert len(ends) == KINDS[name]
    assert all(end.startswith(("converted: ", "refused: ")) for end in ends)
    assert "\n" not in "".join(ends)
    assert sum(end.startswith("refused: ") for end in ends) > len(ends) / 10


def fails(error: BaseException) -> Callable[[Report], Any]:
    def work(_report: Report) -> None:
        raise error

    return work


def test_what_is_told_and_returned_arrives() -> None:
    told: list[object] = []

    def work(report: Report) -> int:
        report("a")
        return os.getpid()

    assert supervised(work, Path("m"), told.append) != os.getpid()
    assert told == ["a"]
    with pytest.raises(OutOfMemory, match="so it is"):
        supervised(fails(OutOfMemory("so it is")), Path("m"), print)
    with pytest.raises(ConversionError, match=r"a library fails .SystemError: a b\)"):
        supervised(fails(SystemError("a\nb")), Path("m"), print)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_where_a_fork_is_not_safe_it_is_done_in_this_process(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    assert supervised(lambda _: os.getpid(), Path("m"), print) == os.getpid()
    with pytest.raises(OutOfMemory, match="so it is"):
        supervised(fails(OutOfMemory("so it is")), Path("m"), print)
    with pytest.raises(ConversionError, match=r"a library fails .SystemError: a b\)"):
        supervised(fails(SystemError("a\nb")), Path("m"), print)


def test_a_library_that_runs_for_ever_or_crashes_is_a_sentence(tmp_path: Path) -> None:
    def forever(_report: Report) -> None:
        while True:
            pass

    with pytest.raises(ConversionError, match=r"model\.h5 cannot be converted: .* takes more than"):
        supervised(forever, tmp_path / "model.h5", print, seconds=0.5)
    with pytest.raises(ConversionError, match=r"a library ended with SIGKILL over it"):
        supervised(lambda _: os.kill(os.getpid(), signal.SIGKILL), tmp_path, print)
    with pytest.raises(ConversionError, match=r"a library ended with exit code 3 over it"):
        supervised(lambda _: os._exit(3), tmp_path, print)


@pytest.mark.parametrize("both", [False, True])  # as Ctrl-C in a terminal
def test_it_can_be_interrupted(tmp_path: Path, both: bool) -> None:
    def work(_report: Report) -> None:
        os.kill(os.getppid(), signal.SIGINT)
        if both:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(typer.Exit) as end, interruptible():
        supervised(work, tmp_path, print)
    assert end.value.exit_code == 130


def test_it_has_an_end_and_bounds_whatever_becomes_of_the_parent(tmp_path: Path) -> None:
    with (tmp_path / "m").open("wb") as file:
        file.truncate(2**43)

    def limits(_report: Report) -> list[int]:
        return [resource.getrlimit(each)[0] for each in (resource.RLIMIT_CPU, resource.RLIMIT_DATA)]

    cores, physical = os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert supervised(limits, tmp_path / "m", print) == [(120 + 2**23) * cores, physical]
    small, _ = supervised(limits, tmp_path / "none", print, seconds=1.5)
    assert small == math.ceil(1.5) * cores


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConversionError, match="cannot be read: it is no regular file"):
        files.read(tmp_path / name, Hints())
