"""Memory that has been freed, but that the C library keeps: given back once nobody calls."""

import ctypes
import sys

from conveyor.service.process.lifecycle import Lifecycle

# So often is a server found quiet before it gives memory back; uvicorn looks every 0.1 s.
QUIET = 20


class SpareMemory:
    """The choice of the time to give it back.

    That is 30 MB after texts, and more than a hundred after large answers. While requests come it
    stays: without it the model takes a quarter longer, as each step waits for new pages.
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


def give_back() -> None:
    """Give it to the system, in milliseconds; a hundred after large answers. Only glibc can."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
