"""The log: its destination, and the format of its lines.

Lines are written by a thread of their own, so that nobody who reads standard error slowly, or not
at all, holds up the event loop. What finds no room is dropped, and counted.
"""

import contextlib
import logging
import logging.config
import os
import queue
import select
import sys
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler, QueueListener
from typing import Any

TEXT = "%(asctime)s %(levelname)-7s %(name)s [%(correlation_id)s] %(message)s"
JSON = "%(asctime)s %(levelname)s %(name)s %(correlation_id)s %(message)s"

# Characters that wait to be written: some thousand lines, or few very long ones.
MAX_WAITING = 2**20

# Seconds that the last lines get at the end.
LAST_SECONDS = 1.0


class Lines(queue.Queue[Any]):
    """Lines that wait to be written, bounded by their characters."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._characters = 0

    def _qsize(self) -> int:
        return self._characters

    def _put(self, item: Any) -> None:  # noqa: ANN401 - the base class's
        super()._put(item)
        self._characters += _length(item)

    def _get(self) -> Any:  # noqa: ANN401 - the base class's
        item = super()._get()
        self._characters -= _length(item)
        return item


def _length(item: logging.LogRecord | None) -> int:
    return len(item.msg) + 1 if item else 1  # None ends the queue


class LineHandler(QueueHandler):
    """Puts formatted lines into the queue, as long as there is room."""

    def __init__(self, lines: "queue.Queue[Any]") -> None:
        super().__init__(lines)
        self.on_drop: Callable[[], None] = lambda: None
        self._untold = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Take a line, and before it one that tells how many were not taken."""
        try:
            if self._untold:
                self.queue.put_nowait(self._told(self._untold))
                self._untold = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self.drop()

    def drop(self) -> None:
        """Count a line that is lost."""
        self._untold += 1
        self.on_drop()

    def _told(self, lines: int) -> logging.LogRecord:
        text = f"Lines are missing here, since standard error did not take them: {lines:,}"
        record = logging.LogRecord("conveyor.logs", logging.WARNING, "", 0, text, None, None)
        record.correlation_id = "-"
        told: logging.LogRecord = self.prepare(record)
        return told


def write(file: int, text: str) -> None:
    """Write all of it, for as long as that takes, even if the file is one that does not wait."""
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:
            select.select([], [file], [])


class Listener(QueueListener):
    """Writes lines to a file on its thread, past Python's own buffers and their locks.

    A thread that hangs with one of these would keep the process from ending. A line that cannot be
    written (the disk is full, the reader is gone) is lost.
    """

    def __init__(self, lines: "queue.Queue[Any]", file: int, on_drop: Callable[[], None]) -> None:
        super().__init__(lines)
        self._file = file
        self._on_drop = on_drop

    def handle(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            write(self._file, f"{record.msg}\n")
        except OSError:
            self._on_drop()

    def stop(self) -> None:
        """Let what waits be written; not for ever."""
        with contextlib.suppress(queue.Full):  # the thread hangs
            self.queue.put(None, timeout=LAST_SECONDS)  # type: ignore[attr-defined]
            if self._thread is not None:
                self._thread.join(LAST_SECONDS)


@contextlib.contextmanager
def logging_to_stderr(level: str, form: str) -> Iterator[LineHandler]:
    """Send every logger's lines, those of uvicorn included, to standard error until the end."""
    lines: queue.Queue[Any] = Lines(MAX_WAITING)
    handler = LineHandler(lines)
    _configure(level, form, handler)
    # Without a standard error, its number may be that of another file by now.
    file = os.open(os.devnull, os.O_WRONLY) if sys.stderr is None else sys.stderr.fileno()
    listener = Listener(lines, file, handler.drop)
    listener.start()
    try:
        yield handler
    finally:
        listener.stop()


def _configure(level: str, form: str, handler: logging.Handler) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {
                "request_id": {
                    "()": "asgi_correlation_id.CorrelationIdFilter",
                    "default_value": "-",
                }
            },
            "formatters": {
                "text": {"format": TEXT},
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "fmt": JSON,
                    "rename_fields": {
                        "asctime": "time",
                        "levelname": "level",
                        "name": "logger",
                        "correlation_id": "request_id",
                    },
                },
            },
            "handlers": {
                "lines": {
                    "()": lambda: handler,
                    "formatter": form,
                    "filters": ["request_id"],
                }
            },
            "root": {"level": level.upper(), "handlers": ["lines"]},
            # A caller's own request id that is no UUID is replaced; that is not worth a warning.
            "loggers": {"asgi_correlation_id": {"level": "ERROR"}},
        }
    )
