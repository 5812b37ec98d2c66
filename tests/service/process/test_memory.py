import subprocess
import sys

import pytest

from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.process.memory import QUIET, SpareMemory


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


# Takes 64 MB in blocks too small for mappings of their own, on a thread, and frees all but the
# last, which keeps the heap from becoming shorter. Then comes the work.
PROGRAM = """
import ctypes, sys
from pathlib import Path
from threading import Event, Thread

from conveyor.service.process import memory

BLOCK, BLOCKS = 65_536, 1_000
library = ctypes.CDLL(None)
if not hasattr(library, "malloc_trim"):
    sys.exit("no glibc")
library.malloc.restype = ctypes.c_void_p
held = []

def take():
    for _ in range(BLOCKS):
        held.append(ctypes.c_void_p(library.malloc(ctypes.c_size_t(BLOCK))))
        ctypes.memset(held[-1], 1, BLOCK)

def take_and_free():
    take()
    while len(held) > 1:
        library.free(held.pop(0))

def on_a_thread(work):
    done = Event()  # and the thread lives on: else another one gets what it had
    Thread(target=lambda: (work(), done.set(), Event().wait()), daemon=True).start()
    done.wait()

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

memory.share()
on_a_thread(take_and_free)
before = resident()
{work}
print((resident() - before) / (BLOCK * BLOCKS))
"""


def grown(work: str) -> float:
    """Run the program with this work; returns by how much of 64 MB the process has grown by it."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{work}", work)],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.stderr == "no glibc\n":
        pytest.skip("the C library is not glibc")
    assert not told.stderr
    return float(told.stdout)


def test_a_thread_gets_what_another_one_has_freed() -> None:
    assert grown("on_a_thread(take)") < 0.5


def test_what_is_freed_goes_back_to_the_system() -> None:
    assert grown("memory.give_back()") < -0.5
