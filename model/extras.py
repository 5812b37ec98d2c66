"""The optional libraries, by the extras of `pyproject.toml`, and the command that installs them.

The libraries are named, not the extra of this package: another one has its name on public indexes.
"""

import re
import shlex
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement


def install_command(extra: str) -> str:
    """Write the shell command that installs an extra's libraries for the Python that runs."""
    needed = [Requirement(line) for line in requires("conveyor") or []]
    libraries = [f"{each.name}{each.specifier}" for each in needed if _is_of(each, extra)]
    return " ".join(map(_quoted, [sys.executable, "-m", "pip", "install", *libraries]))


def _is_of(library: Requirement, extra: str) -> bool:
    """Tell if a library is installed on this system with an extra, and not without."""
    with_it, without = (
        library.marker is None or library.marker.evaluate({"extra": name}) for name in (extra, "")
    )
    return with_it and not without


def _quoted(word: str) -> str:
    """Quote a word: in Windows' shells only double quotes do so, in the others all characters."""
    if sys.platform != "win32":
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w.:\\/-]+", word) else f'"{word}"'
