"""Memory that has been freed, but that the C library keeps: shared, and given back at last.

Both are for glibc; with another library, nothing happens.
"""

import ctypes
import sys

from conveyor.service.process.lifecycle import Lifecycle

# The most arenas, as malloc.h numbers it: pools of memory, of which a thread has one to itself.
M_ARENA_MAX = -8

# So often is a server found quiet before it gives memory back; uvicorn looks every 0.1 s.
QUIET = 20


def share() -> None:
    """Let all threads have what one of them has freed; to be called before there is another.

    Else what large answers were made in stays with each of the threads that made them.
    """
    _call("mallopt", ctypes.c_int(M_ARENA_MAX), ctypes.c_int(1))


def give_back() -> None:
    """Give the system what is spare, in milliseconds: a hundred after large answers."""
    _call("malloc_trim", ctypes.c_size_t(0))


def _call(name: str, *arguments: object) -> None:
    if sys.platform != "linux":
        return
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)


class SpareMemory:
    """The time to give memory back: when nobody has called for a while.

    As long as requests come it stays. Without it each step of the model has to wait for new pages,
    and takes a quarter longer.
    """

    def __init__(self) -> None:
        self._admitted = 0
        self._quiet = 0

    def is_due(self, lifecycle: Lifecycle) -> bool:
        """Tell whether it is the time: once, after no request has been seen so often in a row."""
        busy = lifecycle.active or lifecycle.admitted != self._admitted
        self._admitted = lifecycle.admitted
        self._quiet = 0 if busy else self._quiet + 1
        return self._quiet == QUIET
