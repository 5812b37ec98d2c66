"""Supervision: work on a file from elsewhere in a process of its own, within time and memory.

The libraries that read the files of other frameworks are written in C, and on a damaged file one
can run for ever, crash, or ask for all memory. No exception tells of that: another process has to.

That process is a fork, which on macOS is not safe once PyTorch has been imported, and which Windows
does not have. There, the work is done in this process, and an exception is all that is told.
"""

import math
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from conveyor.model import interruption
from conveyor.model.errors import ConversionError, ModelError

if sys.platform != "win32":
    import resource

T = TypeVar("T")
Report = Callable[[Any], None]

# A small model takes some seconds, of which most are for the framework to be imported. For a large
# one there is a second for each MiB, and memory for its numbers in several forms, as far as the
# machine has any.
SECONDS = 120.0
BYTES_PER_SECOND = 2**20
MEMORY = 2**33
COPIES = 16
# Seconds after which the parent looks for signals.
POLL_SECONDS = 0.2


def supervised(
    work: Callable[[Report], T], path: Path, on_report: Report, *, seconds: float = SECONDS
) -> T:
    """Return the result of the work on a file; ``on_report`` gets what it reports meanwhile.

    Raises its ModelError, and ConversionError where it ends in another way, or not at all.
    """
    if sys.platform != "linux":
        return _unsupervised(work, on_report)
    size = path.stat().st_size if path.exists() else 0
    time_limit = seconds + size / BYTES_PER_SECOND
    ours, theirs = Pipe(duplex=False)
    child = os.fork()
    if not child:  # pragma: no cover - which ends without saying what it has covered
        ours.close()
        _work(work, theirs, time_limit, MEMORY + COPIES * size)
    theirs.close()
    ended: int | None = None
    deadline = time.monotonic() + time_limit
    try:
        while time.monotonic() < deadline:
            interruption.check()
            if ours.poll(POLL_SECONDS):
                kind, value = ours.recv()
                if kind == "report":
                    on_report(value)
                elif kind == "failed":
                    raise value
                else:
                    result: T = value
                    return result
        raise ConversionError(
            f"{path} cannot be converted: to read and compare it takes more than {time_limit:.0f} "
            "seconds, and it is not that large; it may be damaged."
        )
    except EOFError:
        ended = os.waitpid(child, 0)[1]
        interruption.check()  # a terminal tells both of Ctrl-C
        raise ConversionError(
            f"{path} cannot be converted: a library ended with {_name(ended)} over it; it may be "
            "damaged, or there is not enough memory."
        ) from None
    finally:
        ours.close()
        if ended is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _unsupervised(work: Callable[[Report], T], on_report: Report) -> T:
    try:
        return work(on_report)
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - of a library
        raise _failure(error) from None


def _failure(error: BaseException) -> ConversionError:
    """Make the sentence that tells of an exception of a library."""
    why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return ConversionError(f"It cannot be converted: a library fails ({why}).")


def _name(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _limit(what: int, most: int) -> None:  # pragma: no cover - in a child
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(what, (most, hard))


def _work(  # pragma: no cover - in a child
    work: Callable[[Report], Any], pipe: Connection, seconds: float, memory: int
) -> NoReturn:
    """Do the work in the child: its result is sent, and nothing else of this process is left."""
    try:
        for each in interruption.SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _limit(resource.RLIMIT_DATA, min(memory, physical))
        # Should the parent be killed, nobody else ends what runs for ever, on all cores.
        _limit(resource.RLIMIT_CPU, math.ceil(seconds) * (os.cpu_count() or 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        pipe.send(("done", work(lambda report: pipe.send(("report", report)))))
    except ModelError as error:
        pipe.send(("failed", error))
    except BaseException as error:  # noqa: BLE001 - of a library: a panic too
        pipe.send(("failed", _failure(error)))
    finally:
        os._exit(0)
