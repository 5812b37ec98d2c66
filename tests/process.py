"""The `conveyor` command as a person runs it: a real process, and what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

CONVEYOR = [sys.executable, "-m", "service.cli"]


def conveyor(
    *arguments: str | Path,
    cwd: Path | None = None,
    preexec_fn: Callable[[], None] | None = None,
    environment: dict[str, str] | None = None,
) -> CompletedProcess[str]:
    """Run `conveyor` to its end, on a wide terminal."""
    return subprocess.run(
        [*CONVEYOR, *map(str, arguments)],
        cwd=cwd,
        preexec_fn=preexec_fn,
        env={**os.environ, "COLUMNS": "200", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_one_sentence(result: CompletedProcess[str], says: str) -> None:
    """The command failed with exit code 1, and the last thing it said is one line that matches."""
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    sentence = result.stderr.splitlines()[-1]
    assert sentence.startswith("conveyor: ")
    assert re.search(says, sentence), sentence
