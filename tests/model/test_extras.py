"""What is said where an optional library is missing: the command that installs it, here."""

import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from conveyor.model import extras
from conveyor.model.convert.keras.converter import read_keras
from conveyor.model.convert.onnx.converter import read_onnx
from conveyor.model.convert.source import Hints
from conveyor.model.data.examples import Example
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import UNLABELLED
from conveyor.model.errors import ModelError
from conveyor.model.evaluation.ngrams import fit_ngrams
from conveyor.model.extras import install_command

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
SOURCES = {
    path: path.read_text() for name in ("model", "service") for path in (ROOT / name).rglob("*.py")
}
ADVISED = set(re.findall(r"\binstall_command\(['\"](\w+)", "".join(SOURCES.values())))


def test_nothing_else_is_advised() -> None:
    """Neither versions of its own, nor a package of this name from an index."""
    assert sorted(ADVISED) == ["convert", "hub", "parquet", "train"]
    for path, text in SOURCES.items():
        assert not re.search(r"pip install|conveyor\[", text), path


@pytest.mark.parametrize("extra", sorted(ADVISED))
def test_the_command_installs_what_the_project_asks_for(extra: str) -> None:
    words = shlex.split(install_command(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    assert set(map(Requirement, words[4:])) == set(map(Requirement, EXTRAS[extra]))


def test_it_takes_what_comes_with_the_extra_alone_and_on_this_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [
        "always>=1",
        "here>=1; sys_platform != 'none'",
        "it>=2,<3; extra == 'x'",
        "it-here; sys_platform != 'none' and extra == 'x'",
        "it-elsewhere; sys_platform == 'none' and extra == 'x'",
        "other; extra == 'y'",
    ]
    monkeypatch.setattr(extras, "requires", lambda _name: lines)
    assert shlex.split(install_command("x"))[4:] == ["it<3,>=2", "it-here"]


def test_windows_shells_know_other_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        extras, "requires", lambda _name: ["it>=2,<3; extra == 'x'", "a; extra == 'x'"]
    )
    monkeypatch.setattr("sys.executable", r"C:\My Files\python.exe")
    monkeypatch.setattr("sys.platform", "win32")
    assert install_command("x") == r'"C:\My Files\python.exe" -m pip install "it<3,>=2" a'


MISSING: dict[str, tuple[str, Callable[[Path], object]]] = {
    "onnx": ("convert", lambda path: read_onnx(path, Hints())),
    "h5py": ("convert", lambda path: read_keras(path, Hints())),
    "datasets": ("hub", lambda _path: open_rows("hub:some/set", UNLABELLED).__enter__()),
    "pyarrow": ("parquet", lambda path: open_rows(f"{path}.parquet", UNLABELLED).__enter__()),
    "sklearn": ("train", lambda _path: fit_ngrams([Example("a", "b")], ["b"], {})),
}


@pytest.mark.parametrize("library", MISSING)
def test_a_missing_library_is_told_in_a_sentence(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    for module in [name for name in sys.modules if name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("onnx.graph", "keras.file"):  # which import it
        monkeypatch.delitem(sys.modules, f"conveyor.model.convert.{module}", raising=False)
    (tmp_path / "m.parquet").touch()
    extra, read = MISSING[library]
    with pytest.raises(ModelError) as refused:
        read(tmp_path / "m")
    told = re.fullmatch(r"(.*) needs (the )?(\w+)( library)?: (.*)\.", str(refused.value))
    assert told
    assert told[3] == library
    assert told[5] == install_command(extra)
