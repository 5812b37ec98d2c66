import ctypes
import mmap
from pathlib import Path

import pytest

from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.process.memory import QUIET, SpareMemory, give_back


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle([], max_active=1)


def looks(spare: SpareMemory, lifecycle: Lifecycle, times: int) -> list[int]:
    """Look so often; returns at which looks it was due."""
    return [look for look in range(1, times + 1) if spare.is_due(lifecycle)]


def test_a_quiet_server_gives_memory_back_once(lifecycle: Lifecycle) -> None:
    assert looks(SpareMemory(), lifecycle, 3 * QUIET) == [QUIET]


def test_a_request_that_takes_long_keeps_it(lifecycle: Lifecycle) -> None:
    spare = SpareMemory()
    lifecycle.enter()
    assert looks(spare, lifecycle, 3 * QUIET) == []
    lifecycle.leave()
    assert looks(spare, lifecycle, 3 * QUIET) == [QUIET]


def test_a_request_between_two_looks_counts(lifecycle: Lifecycle) -> None:
    spare = SpareMemory()
    assert looks(spare, lifecycle, QUIET - 1) == []
    lifecycle.enter()
    lifecycle.leave()
    assert looks(spare, lifecycle, 3 * QUIET) == [QUIET + 1]


def test_what_is_freed_goes_back_to_the_system() -> None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        pytest.skip("the C library has no malloc_trim")
    library.malloc.restype = ctypes.c_void_p
    block, blocks = 65_536, 1_000  # too small for a mapping of its own each
    kept = [ctypes.c_void_p(library.malloc(ctypes.c_size_t(block))) for _ in range(blocks)]
    for address in kept:
        ctypes.memset(address, 1, block)
    for address in kept[:-1]:  # the last one keeps the heap from becoming shorter
        library.free(address)
    before = resident()
    give_back()
    assert before - resident() > block * blocks / 2
    library.free(kept[-1])


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
