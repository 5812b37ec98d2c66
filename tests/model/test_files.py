"""No file of a model is waited for, and none is read beyond what it can be."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conveyor.model.artifact import storage
from conveyor.model.artifact.info import info
from conveyor.model.errors import ArtifactError
from conveyor.model.files import read_bytes
from conveyor.model.verification.check import check

NAMES = ("config.json", "model.safetensors", "tokenizer.json", "golden.json", "SHA256SUMS")


def sparse(path: Path) -> None:
    """Make a file of a terabyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(2**40)


def listening(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


HOSTILE: list[tuple[Callable[[Path], Any], str]] = [
    (os.mkfifo, "no regular file"),
    (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    (lambda path: path.symlink_to("/dev/full"), "no regular file"),
    (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    (Path.mkdir, "Is a directory"),
    (sparse, "it has 1,099,511,627,776 bytes, and no more than"),
    (listening, "no regular file"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("make", "says"), HOSTILE)
def test_what_is_no_file_is_refused_at_once(
    stacked: Path, tmp_path: Path, name: str, make: Callable[[Path], Any], says: str
) -> None:
    directory = Path(shutil.copytree(stacked, tmp_path / "m"))
    (directory / name).unlink()
    make(directory / name)
    for read in (storage.load, info):
        with pytest.raises(ArtifactError, match=rf"{name} cannot be read: .*{says}"):
            read(directory)
    assert any(says in found.message for found in check(directory) if found.outcome == "failed")


def test_a_card_that_is_no_file_is_refused_at_once(stacked: Path, tmp_path: Path) -> None:
    directory = Path(shutil.copytree(stacked, tmp_path / "m"))
    (directory / "README.md").unlink()
    os.mkfifo(directory / "README.md")
    with pytest.raises(ArtifactError, match=r"README\.md cannot be read: it is no regular file"):
        info(directory)
    [failed] = [found for found in check(directory) if found.outcome == "failed"]
    assert failed.check == "model card"
    storage.load(directory)  # which nothing of it matters to


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(200)))
    assert read_bytes(path, 200) == path.read_bytes()
    with pytest.raises(OSError, match="it has 200 bytes, and no more than 199 are read here"):
        read_bytes(path, 199)


def test_what_does_not_fit_into_memory_is_said(tmp_path: Path) -> None:
    sparse(tmp_path / "file")
    with pytest.raises(OSError, match="do not fit into memory"):
        read_bytes(tmp_path / "file", 2**41)
