"""The `conveyor` command as a person runs it: a real process, and what it says."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeVar

from tests.fork_server import COMMAND, Conveyor

CONVEYOR = COMMAND  # a program of its own; Conveyor needs a tenth of the time

# Seconds in which whatever is waited for happens on any machine, however busy it is.
PATIENCE = 300

T = TypeVar("T")


def until(condition: Callable[[], T | None]) -> T:
    """Wait until a condition holds; returns its value."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "this does not come"
        time.sleep(0.005)
    return found


def conveyor(
    *arguments: str | Path,
    cwd: Path | None = None,
    preexec_fn: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
    first: str = "",
    piped: str | None = None,
) -> CompletedProcess[str]:
    """Run `conveyor` to its end, on a wide terminal; ``piped`` comes through standard input."""
    with Conveyor(
        arguments,
        first=first,
        cwd=cwd,
        preexec_fn=preexec_fn,
        env={**os.environ, "COLUMNS": "200", **(environment or {})},
        stdin=subprocess.DEVNULL if piped is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(piped, timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
    return CompletedProcess(process.args, process.returncode, out, err)


def conveyor_within(
    room: int, *arguments: str | Path, cwd: Path | None = None
) -> CompletedProcess[str]:
    """Run `conveyor` with room for so many bytes more than the process has when it begins."""
    limit = f"""
import resource
has = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (has + {room}, has + {room}))
"""
    return conveyor(*arguments, cwd=cwd, first=limit)


def assert_one_sentence(result: CompletedProcess[str], says: str) -> None:
    """Assert exit code 1, and a last line of output that matches."""
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    sentence = result.stderr.splitlines()[-1]
    assert sentence.startswith("conveyor: ")
    assert re.search(says, sentence), sentence
