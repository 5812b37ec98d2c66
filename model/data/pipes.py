"""Waiting for somebody else: what comes through a pipe, or goes into one, with an eye on signals.

Python begins a read or write anew when a signal has come while it waited, and so would wait for
ever after a Ctrl-C that is only noted.
"""

import io
import os
import select
import stat
from pathlib import Path
from typing import Any, BinaryIO, cast

from conveyor.model import interruption

# Seconds after which it is looked whether a signal has come.
POLL_SECONDS = 0.2
# What a pipe that has any room has room for (POSIX's PIPE_BUF, as Linux has it); what it holds.
AT_ONCE, PIPE_BYTES = 2**12, 2**16


def open_to_read(path: Path) -> BinaryIO:
    """Open a file, or a named pipe, to wait for its writer once it is read. Raises OSError."""
    # Without O_NONBLOCK, to open a pipe is to wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    file = io.FileIO(descriptor)
    return io.BufferedReader(_Watched(file) if _waits(descriptor) else file, PIPE_BYTES)


def read_watched(file: BinaryIO) -> BinaryIO:
    """Wrap a file so that `Interrupted` is raised where a signal comes while it waits."""
    descriptor = _descriptor(file)
    if descriptor is None or not _waits(descriptor):
        return file
    return io.BufferedReader(_Watched(io.FileIO(descriptor, closefd=False)), PIPE_BYTES)


def write_watched(file: BinaryIO, content: bytes) -> None:
    """Write it all, now. Raises Interrupted where a signal comes while nobody takes it; OSError."""
    descriptor = _descriptor(file)
    if descriptor is None or not _waits(descriptor):
        file.write(content)
        file.flush()
        return
    left = memoryview(content)
    while left:
        _wait(descriptor, select.POLLOUT)
        left = left[os.write(descriptor, left[:AT_ONCE]) :]


class _Watched(io.RawIOBase):
    """A file's bytes as they come."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever is one
        _wait(self.fileno(), select.POLLIN)
        return cast("int", self._file.readinto(buffer))

    def close(self) -> None:
        self._file.close()
        super().close()


def _descriptor(file: BinaryIO) -> int | None:
    """Return the descriptor of a file; None if it is none of the system's."""
    try:
        return file.fileno()
    except OSError:
        return None


def _waits(descriptor: int) -> bool:
    """Tell whether reading or writing can last for as long as somebody else likes."""
    return hasattr(select, "poll") and not stat.S_ISREG(os.fstat(descriptor).st_mode)


def _wait(descriptor: int, event: int) -> None:
    """Wait till there is something to be read or room to write, or nobody is at the other end."""
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(POLL_SECONDS * 1000):
        interruption.check()
