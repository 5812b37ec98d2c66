"""This checkout, and copies of it as a fresh clone would be."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def clone(directory: Path) -> Path:
    """Copy what git knows of this checkout, or would take, to a new directory; returns that."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.split("\0")[:-1]:
        if (ROOT / name).is_symlink() or (ROOT / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name, follow_symlinks=False)
    return directory
