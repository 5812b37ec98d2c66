"""Several serving processes on one socket, and the parent that watches over them.

Uvicorn's own supervisor is not used: it starts uvicorn's own server, which stops listening as soon
as it is told to end, and it is given an application by a name to import, not settings.
"""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

from prometheus_client import multiprocess

from service.metrics import DIRECTORY
from service.settings import Settings

logger = logging.getLogger("conveyor.workers")

# Seconds after which the parent looks again, if nothing wakes it.
GLANCE = 1.0


class Serve(Protocol):
    """What a process does: serve until a signal comes. A function that a new process can import."""

    def __call__(
        self, settings: Settings, listener: socket.socket, on_ready: Callable[[], None]
    ) -> None:
        """Serve, and say when it is ready."""


class Workers:
    """So many processes. One that dies is replaced, unless it has never been ready."""

    def __init__(self, settings: Settings, listener: socket.socket, serve: Serve) -> None:
        self._settings = settings
        self._listener = listener
        self._serve = serve
        self._context = multiprocessing.get_context("spawn")
        self._starting: dict[SpawnProcess, Connection] = {}
        self._ready: set[SpawnProcess] = set()
        self._signals = 0
        self._code = 0

    def run(self, on_ready: Callable[[], None]) -> int:
        """Serve until a signal comes, or until nobody can; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with tempfile.TemporaryDirectory(prefix="conveyor-metrics-") as directory:
            os.environ[DIRECTORY] = directory
            announced = False
            # One goes ahead: whatever keeps it from serving is said once.
            self._start()
            while self._starting or self._ready:
                self._look()
                while self._ready and self._missing and not (self._signals or self._code):
                    self._start()
                if len(self._ready) == self._settings.workers and not announced:
                    announced = True
                    on_ready()
        return self._code

    @property
    def _missing(self) -> int:
        return self._settings.workers - len(self._starting) - len(self._ready)

    def _start(self) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        work = (self._settings, self._listener, self._serve, theirs)
        process = self._context.Process(target=_work, args=work)
        process.start()
        theirs.close()
        self._starting[process] = ours

    def _look(self) -> None:
        """Wait until something happens to a process, and see to it."""
        processes = {process.sentinel: process for process in (*self._starting, *self._ready)}
        happened = wait([*processes, *self._starting.values()], GLANCE)
        for process, pipe in list(self._starting.items()):
            if pipe in happened and _says_ready(pipe):
                del self._starting[process]
                self._ready.add(process)
        for sentinel in happened:
            if isinstance(sentinel, int):
                self._bury(processes[sentinel])

    def _bury(self, process: SpawnProcess) -> None:
        process.join()
        assert process.pid is not None  # noqa: S101 - it was started
        multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
        was_ready = process in self._ready
        self._ready.discard(process)
        self._starting.pop(process, None)
        if self._signals:
            self._code = self._code or abs(process.exitcode or 0)
        elif was_ready:
            logger.error("Process %s ended with %s", process.pid, process.exitcode)
            self._start()
        else:  # it has said why
            self._code = 1
            self._tell_all(signal.SIGTERM)

    def _on_signal(self, _number: int, _frame: object) -> None:
        """Let all end as they should; at the second signal, at once."""
        self._signals += 1
        self._tell_all(signal.SIGTERM if self._signals == 1 else signal.SIGKILL)

    def _tell_all(self, number: int) -> None:
        for process in (*self._starting, *self._ready):
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)


def _says_ready(pipe: Connection) -> bool:
    try:
        return bool(pipe.recv())
    except EOFError:  # it ended before
        return False


def _work(settings: Settings, listener: socket.socket, serve: Serve, pipe: Connection) -> None:
    """The life of a process."""
    os.setpgrp()  # Ctrl-C is for the parent alone, who passes it on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(settings, listener, lambda: pipe.send(True))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this process has one
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
