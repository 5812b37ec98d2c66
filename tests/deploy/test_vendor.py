"""The modules of d3 in the inspector: their versions, licences and imports."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "service" / "inspector" / "vendor"
MODULES = sorted(VENDOR.rglob("*.js"))
VERSIONS = json.loads((ROOT / "package.json").read_text())["devDependencies"]
LOCK = json.loads((ROOT / "package-lock.json").read_text())


def test_there_are_some() -> None:
    assert {path.name for path in VENDOR.iterdir()} == {"d3-array", "d3-path", "d3-shape"}
    assert len(MODULES) > 5


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(VENDOR)))
def test_a_copy_names_its_version_and_licence(path: Path) -> None:
    package = path.relative_to(VENDOR).parts[0]
    assert path.read_text().splitlines()[:2] == [
        "// @ts-nocheck",
        f"// {package} {VERSIONS[package]}, licence ISC, copied by make vendor.",
    ]
    licence = (VENDOR / package / "LICENSE").read_text()
    assert "Copyright" in licence
    assert "Permission to use, copy, modify, and/or distribute this software" in licence


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(VENDOR)))
def test_a_copy_imports_what_lies_beside_it(path: Path) -> None:
    for name in re.findall(r"""(?:from|import) ["']([^"']+)["']""", path.read_text()):
        assert name.startswith("."), name
        assert (path.parent / name).resolve() in MODULES


def test_each_version_is_exact_and_locked() -> None:
    for name, version in VERSIONS.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version


def test_the_lock_has_hashes_and_names_no_registry() -> None:
    for name, package in LOCK["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
