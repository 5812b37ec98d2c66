"""Several serving processes on one socket, and the parent that watches over them.

Uvicorn's own supervisor is not used: it starts uvicorn's own server, which stops listening as soon
as it is told to end, and it is given an application by a name to import, not settings.

Workers are forked: they share what has been imported, which would take each of them seconds and
100 MB. So the parent may import PyTorch, but compute nothing: the threads that it would leave to
its children are those that a fork loses.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

from conveyor.service.process.signals import forces_exit, shutdown_signals
from conveyor.service.scoreboard import Scoreboard, Slot

logger = logging.getLogger("conveyor.workers")

# Seconds until the next worker is started in the place of one that has died, or could not start.
BACKOFF_SECONDS = (0, 1, 2, 4, 8, 16, 30)

# A worker that was ready for so many seconds was sound: after it, pauses begin anew.
STABLE_SECONDS = 30

# A worker that is not ready after so many seconds will not be.
START_SECONDS = 300


class Serve(Protocol):
    """The work of a process: to serve until a signal comes."""

    def __call__(self, slot: Slot, on_ready: Callable[[], None]) -> None:
        """Serve, and say when it is ready."""


class Lifeline:
    """A pipe that the parent alone could write to: it ends with the parent.

    `multiprocessing` has one for each child, which later children inherit.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def watch(self) -> None:
        """Watch the parent, in a child, and send it a signal once the parent has ended."""
        os.close(self._writing)
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        os.read(self._reading, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        """Close both ends, in the parent."""
        os.close(self._reading)
        os.close(self._writing)


class Workers:
    """The worker processes. One that dies is replaced, for as long as it takes.

    The first one goes ahead: whatever keeps it from serving is said once, and ends all.
    """

    def __init__(self, count: int, serve: Serve) -> None:
        self._serve = serve
        self._context = multiprocessing.get_context("fork")
        self._scoreboard = Scoreboard(count)
        self._alive = Lifeline()
        self._processes: set[BaseProcess] = set()
        self._announced = False
        self._first = asyncio.Event()  # one has been ready
        self._end = asyncio.Event()
        self._code = 0

    def run(self, on_ready: Callable[[], None]) -> int:
        """Serve until a signal comes, or until no worker can; return the exit code."""
        try:
            asyncio.run(self._run(on_ready))
        finally:
            self._scoreboard.close()
            self._alive.close()
        return self._code

    async def _run(self, on_ready: Callable[[], None]) -> None:
        for number in shutdown_signals():
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)
        async with asyncio.TaskGroup() as group:
            for place in range(self._scoreboard.wanted):
                group.create_task(self._supervise(place, on_ready))

    async def _supervise(self, place: int, on_ready: Callable[[], None]) -> None:
        """Run workers in this place, one after another, until the end."""
        if place:
            await self._first.wait()
        failures = 0
        while not self._end.is_set():
            served = await self._run_worker(place, on_ready)
            if self._end.is_set():
                return
            if not self._first.is_set():  # it has said why
                self._code = 1
                self._shut_down()
                return
            failures = 0 if served >= STABLE_SECONDS else failures
            pause = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
            failures += 1
            board = self._scoreboard
            logger.error(
                "%d of %d workers are ready; another is started in %d s",
                len(board.pids),
                board.wanted,
                pause,
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), pause)

    async def _run_worker(self, place: int, on_ready: Callable[[], None]) -> float:
        """Start a worker, and wait until it has died; return for how many seconds it was ready."""
        try:
            process, pipe = self._start(place)
        except OSError as error:  # no process, memory or file is left for it
            logger.error("A worker could not be started: %s", error.strerror)  # noqa: TRY400
            return 0
        self._processes.add(process)
        ready = since = None
        with pipe:
            try:
                await asyncio.wait_for(_until_readable(pipe.fileno()), START_SECONDS)
                ready = _receives_ready(pipe)
            except TimeoutError:
                logger.error("Process %s is not ready after %s s", process.pid, START_SECONDS)  # noqa: TRY400
                process.kill()
        if ready:
            since = time.monotonic()
            self._enter(place, process, on_ready)
        await _until_readable(process.sentinel)
        process.join()
        self._processes.discard(process)
        self._scoreboard.leave(place)
        if self._end.is_set():
            self._code = self._code or (abs(process.exitcode or 0) if ready else 0)
        elif ready or process.exitcode != 1:  # else it has said why
            logger.error("Process %s ended with %s", process.pid, process.exitcode)
        return time.monotonic() - since if since else 0

    def _start(self, place: int) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe(duplex=False)
        with theirs:
            work = (self._serve, Slot(self._scoreboard, place), theirs, self._alive)
            process = self._context.Process(target=_run_in_worker, args=work)
            # A signal to the child would be told to the parent, as long as it has its handlers.
            signal.pthread_sigmask(signal.SIG_BLOCK, shutdown_signals())
            try:
                process.start()
            except OSError:
                ours.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, shutdown_signals())
        return process, ours

    def _enter(self, place: int, process: BaseProcess, on_ready: Callable[[], None]) -> None:
        assert process.pid is not None  # noqa: S101 - it was started
        board = self._scoreboard
        board.enter(place, process.pid)
        self._first.set()
        logger.info("Process %s is ready: %d of %d", process.pid, len(board.pids), board.wanted)
        if len(board.pids) == board.wanted and not self._announced:
            self._announced = True
            on_ready()

    def _on_signal(self, number: int) -> None:
        """Shut down gracefully; at the second signal, at once."""
        if not self._end.is_set():
            self._shut_down()
        elif forces_exit(number):
            self._signal_all(signal.SIGKILL)

    def _shut_down(self) -> None:
        self._end.set()
        self._first.set()
        self._signal_all(signal.SIGTERM)
        self._signal_all(signal.SIGCONT)  # one that has been stopped would wait with its end

    def _signal_all(self, number: int) -> None:
        for process in self._processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)


async def _until_readable(file: int) -> None:
    """Wait until there is something to read, or nobody left to write."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(file, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(file)


def _receives_ready(pipe: Connection) -> bool:
    try:
        return bool(pipe.recv())
    except (EOFError, OSError):  # it ended before
        return False


def _run_in_worker(serve: Serve, slot: Slot, pipe: Connection, parent: Lifeline) -> None:
    """Serve in a worker process, from its fork to its end."""
    os.setpgrp()  # Ctrl-C is for the parent alone, who passes it on
    signal.set_wakeup_fd(-1)
    for number in shutdown_signals():
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, shutdown_signals())
    parent.watch()
    serve(slot, lambda: pipe.send(True))
