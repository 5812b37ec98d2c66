"""The processor cores of this process, and their threads."""

import math
import os
from pathlib import Path

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Count the cores that this process may use: its affinity, and a container's share."""
    return max(1, min(_affinity(), _quota()))


def _affinity() -> int:
    """Count the cores that it may run on: all of them, where none can be set apart."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    """Read the share of a container, rounded up, as cgroups write it: "quota period", in µs.

    https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max.
    """
    try:
        quota, period = CPU_MAX.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return os.cpu_count() or 1


def threads(workers: int) -> int:
    """Count the threads of each worker's model: all cores but one, divided among the workers.

    The one is for the event loop and the tokenizer; threads that wait for a core in turn bring no
    more answers, and on a busy machine fewer (docs/performance.md).
    """
    return max(1, (cores() - 1) // workers)
