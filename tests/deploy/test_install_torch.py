"""Where the image gets torch from, with small wheels in the place of its builds."""

import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.package_index import PackageIndex, environment, proxying, serving

VERSION = "2.13.0"
NOWHERE = "http://127.0.0.1:9"


def make_torch(directory: Path, *, cuda: str | None) -> Path:
    """Write a wheel that has what tells a build for CPUs from one for GPUs."""
    directory.mkdir(exist_ok=True)
    requires = 'Requires-Dist: cuda-toolkit==13.0.3; platform_system == "Linux"\n' if cuda else ""
    about = f"torch-{VERSION}.dist-info"
    files = {
        "torch/lib/README": "",
        "torch/version.py": f"cuda: str | None = {cuda!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {VERSION}\n{requires}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    wheel = directory / f"torch-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    wheel.with_name(f"{wheel.name}.metadata").write_text(files[f"{about}/METADATA"])
    return wheel


@dataclass
class Build:
    """An image that is being built, on a machine with two indexes."""

    directory: Path
    index: PackageIndex  # as pip is set up
    builds: PackageIndex  # PyTorch's own
    environment: dict[str, str]

    @property
    def wheels(self) -> Path:
        """The folder wheels/ of the checkout."""
        return self.directory / "wheels"

    def install(self, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Install torch as the Dockerfile does."""
        target = self.directory / "environment"
        venv.create(target)
        return subprocess.run(
            [ROOT / "deploy" / "install_torch.sh", VERSION, target, sys.prefix, self.wheels],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def installed(self) -> bool:
        """Tell if torch is there."""
        return bool(list(self.directory.glob("environment/lib/python3*/site-packages/torch")))


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Have a build for GPUs where pip looks, and one for CPUs where uv does."""
    index, builds = PackageIndex(tmp_path / "index"), PackageIndex(tmp_path / "builds")
    make_torch(tmp_path / "index", cuda="13.0")
    make_torch(tmp_path / "builds", cuda=None)
    (tmp_path / "wheels").mkdir()
    certificate = tmp_path / "certificate.pem"
    with serving(index) as address, proxying(builds, certificate) as proxy:
        variables = environment(tmp_path, address, proxy, certificate)
        yield Build(tmp_path, index, builds, variables)


def test_a_wheel_in_the_folder_comes_first(build: Build) -> None:
    make_torch(build.wheels, cuda=None)
    assert build.install().returncode == 0
    assert build.installed
    assert build.index.requests == build.builds.requests == []


def test_then_the_index_that_is_given(build: Build) -> None:
    make_torch(build.directory / "index", cuda=None)
    environment = {"TORCH_INDEX": build.environment["PIP_INDEX_URL"], "PIP_INDEX_URL": NOWHERE}
    assert build.install(**environment).returncode == 0
    assert build.installed
    assert build.builds.requests == []


def test_then_the_build_that_uv_finds(build: Build) -> None:
    done = build.install()
    assert (done.returncode, done.stdout) == (0, "")
    assert build.installed
    assert build.index.requests == []


def test_then_what_pip_finds(build: Build) -> None:
    make_torch(build.directory / "index", cuda=None)
    done = build.install(HTTPS_PROXY=NOWHERE)
    assert done.returncode == 0
    assert (
        done.stdout
        == "uv does not reach PyTorch's CPU builds; pip installs the one that it finds.\n"
    )
    assert build.installed


def test_a_build_for_gpus_is_refused_before_it_is_loaded(build: Build) -> None:
    done = build.install(HTTPS_PROXY=NOWHERE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("This torch is a CUDA build. Reach ")
    assert not build.installed
    assert not any(path.endswith(".whl") for path in build.index.requests)


def test_so_is_one_in_the_folder(build: Build) -> None:
    make_torch(build.wheels, cuda="13.0")
    done = build.install()
    assert done.returncode == 1
    assert "This torch is a CUDA build" in done.stderr


def test_a_machine_without_any_index_gets_pips_word(build: Build) -> None:
    done = build.install(HTTPS_PROXY=NOWHERE, PIP_INDEX_URL=f"{NOWHERE}/simple", PIP_RETRIES="0")
    assert done.returncode == 1
    assert "No matching distribution found for torch" in done.stderr
    assert not build.installed
