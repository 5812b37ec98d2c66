"""The parent of workers, with workers that serve nothing: they start and end as a test says."""

import errno
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest

from conveyor.service.process import workers as module
from conveyor.service.process.signals import SHUTDOWN_SIGNALS
from conveyor.service.process.workers import Workers
from conveyor.service.scoreboard import Slot
from tests.process import PATIENCE, until


@dataclass(frozen=True)
class Serving:
    """A worker's work. Files in a directory say what to do at the start: fail, hang, or die."""

    directory: Path

    def __call__(self, slot: Slot, on_ready: Callable[[], None]) -> None:
        with (self.directory / "starts").open("a") as starts:
            starts.write(f"{slot.place}\n")
        if (self.directory / "fail").exists():
            sys.exit(1)
        if (self.directory / "hang").exists():
            signal.pause()
        if (self.directory / "die").exists():
            os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        on_ready()
        while True:  # not `pause`: a signal that came just before it would be waited for in vain
            time.sleep(0.05)

    def starts(self) -> int:
        return len((self.directory / "starts").read_text().split())


def run(
    count: int,
    serve: Serving,
    meanwhile: Callable[[Workers], None],
    number: int = signal.SIGTERM,
) -> int:
    """Run workers, and end them by a signal once ``meanwhile`` is done; the exit code."""
    workers = Workers(count, serve)
    failed: list[BaseException] = []

    def act() -> None:
        try:
            meanwhile(workers)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=act)
    code = workers.run(thread.start)
    thread.join()
    if failed:
        raise failed[0]
    return code


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0, 0.01, 0.02))


def test_the_sound_ones_go_on_while_another_cannot_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    serve = Serving(tmp_path)

    def meanwhile(workers: Workers) -> None:
        dies, sound = workers._scoreboard.pids
        (tmp_path / "fail").touch()
        os.kill(dies, signal.SIGKILL)
        until(lambda: serve.starts() >= 2 + 4)  # again and again
        assert workers._scoreboard.pids == [sound]
        (tmp_path / "fail").unlink()
        until(lambda: len(workers._scoreboard.pids) == 2)
        assert sound in workers._scoreboard.pids

    assert run(2, serve, meanwhile) == 0
    assert "ended with -9" in caplog.text
    assert "1 of 2 workers are ready; another is started in 0 s" in caplog.text
    assert caplog.messages[-1].endswith("is ready: 2 of 2")


def test_pauses_grow_up_to_a_bound_and_begin_anew_after_a_sound_worker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = Serving(tmp_path)

    def meanwhile(workers: Workers) -> None:
        for sound in (1e9, 1e9, 1e9, 0):
            monkeypatch.setattr(module, "STABLE_SECONDS", sound)
            [pid] = workers._scoreboard.pids
            os.kill(pid, signal.SIGKILL)
            until(lambda: workers._scoreboard.pids not in ([pid], []))  # noqa: B023 - at once

    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0, 0.1))
    assert run(1, serve, meanwhile) == 0
    said = [record.args[-1] for record in caplog.records if "another" in record.msg]  # type: ignore[index]
    assert said == [0, 0.1, 0.1, 0]


def test_one_that_hangs_while_it_starts_is_ended_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(workers: Workers) -> None:
        (tmp_path / "hang").touch()
        monkeypatch.setattr(module, "START_SECONDS", 0.1)
        os.kill(workers._scoreboard.pids[0], signal.SIGKILL)
        until(lambda: "is not ready after 0.1 s" in caplog.text)
        monkeypatch.setattr(module, "START_SECONDS", PATIENCE)
        (tmp_path / "hang").unlink()
        until(lambda: len(workers._scoreboard.pids) == 1)

    assert run(1, Serving(tmp_path), meanwhile) == 0


def test_a_signal_to_a_worker_that_starts_is_none_to_the_parent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def meanwhile(workers: Workers) -> None:
        (tmp_path / "die").touch()
        os.kill(workers._scoreboard.pids[0], signal.SIGKILL)
        until(lambda: "ended with -15" in caplog.text)
        (tmp_path / "die").unlink()
        until(lambda: len(workers._scoreboard.pids) == 1)
        assert not workers._end.is_set()

    assert run(1, Serving(tmp_path), meanwhile) == 0


def test_where_there_is_no_room_for_a_process_it_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ForkProcess.start
    full = threading.Event()

    def start_if_there_is_room(process: ForkProcess) -> None:
        if full.is_set():
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        start(process)

    def meanwhile(workers: Workers) -> None:
        full.set()
        os.kill(workers._scoreboard.pids[0], signal.SIGKILL)
        until(lambda: "could not be started: Resource temporarily unavailable" in caplog.text)
        full.clear()
        until(lambda: len(workers._scoreboard.pids) == 1)

    monkeypatch.setattr(ForkProcess, "start", start_if_there_is_room)
    assert run(1, Serving(tmp_path), meanwhile) == 0


@pytest.mark.parametrize("number", SHUTDOWN_SIGNALS)
def test_any_signal_that_ends_ends_all(tmp_path: Path, number: int) -> None:
    pids: list[int] = []

    def meanwhile(workers: Workers) -> None:
        pids.extend(workers._scoreboard.pids)

    assert run(2, Serving(tmp_path), meanwhile, number) == 0
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_if_nobody_has_ever_been_ready_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And one start is enough to know."""
    (tmp_path / "fail").touch()
    serve = Serving(tmp_path)
    assert Workers(3, serve).run(lambda: None) == 1
    assert serve.starts() == 1
    assert caplog.text == ""  # the worker itself has said why


def test_a_first_worker_that_cannot_say_why_is_spoken_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hang").touch()
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    assert Workers(2, Serving(tmp_path)).run(lambda: None) == 1
    assert "is not ready after 0.1 s" in caplog.text
    assert "ended with -9" in caplog.text


def test_a_second_signal_ends_all_now_but_not_a_second_hang_up(tmp_path: Path) -> None:
    """The worker here does not end at SIGTERM."""
    serve = Deaf(tmp_path)

    def meanwhile(workers: Workers) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        until(workers._end.is_set)
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.1)
        assert workers._processes  # this may be too early to tell, and is never too late

    assert run(1, serve, meanwhile) == signal.SIGKILL


def test_one_that_has_been_stopped_ends_with_the_others(tmp_path: Path) -> None:
    def meanwhile(workers: Workers) -> None:
        [pid] = workers._scoreboard.pids
        os.kill(pid, signal.SIGSTOP)

    assert run(1, Serving(tmp_path), meanwhile) == 0


@dataclass(frozen=True)
class Deaf(Serving):
    def __call__(self, slot: Slot, on_ready: Callable[[], None]) -> None:  # noqa: ARG002
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        on_ready()
        while True:
            signal.pause()
