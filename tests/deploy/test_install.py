"""`make serve` in a fresh clone, with empty caches and indexes that are on this machine."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.checkout import clone
from tests.package_index import PackageIndex, environment, proxying, serving
from tests.process import PATIENCE

INSTALLS = pytest.mark.skipif(
    os.environ.get("CI") != "true",
    reason="installs PyTorch, which takes a gigabyte and half a minute; CI=true runs it",
)


@dataclass
class Machine:
    """A machine with a clone and nothing else, which reaches two indexes."""

    clone: Path
    environment: dict[str, str]
    index: PackageIndex  # as pip is set up
    builds: PackageIndex  # PyTorch's own

    def make(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start make."""
        return subprocess.Popen(
            ["make", *arguments],
            cwd=self.clone,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def is_torch(name: str) -> bool:
    return name == "torch"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    index = PackageIndex(wheels, lambda name: not is_torch(name))
    builds = PackageIndex(wheels, is_torch)
    certificate = tmp_path / "certificate.pem"
    with serving(index) as address, proxying(builds, certificate) as proxy:
        variables = {
            **environment(tmp_path, address, proxy, certificate),
            "PYTHON": sys.executable,
            "CONVEYOR_PORT": "0",
            "CONVEYOR_LOG_LEVEL": "warning",
        }
        yield Machine(clone(tmp_path / "conveyor"), variables, index, builds)


def serve(machine: Machine, **environment: str) -> list[str]:
    """Let `make serve` answer a request; returns the lines that it has printed before."""
    with machine.make("serve", **environment) as process, ExitStack() as stack:
        stack.callback(os.killpg, process.pid, signal.SIGTERM)
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if found := re.search(r"^Conveyor serves imdb-sentiment at (\S+) -", line):
                break
        else:
            pytest.fail("\n".join(lines))
        answer = httpx.post(f"{found[1]}/predict", json={"inputs": "Wonderful!"}, timeout=PATIENCE)
        assert answer.json()[0][0]["label"] == "positive"
    return lines[:-1]


@INSTALLS
def test_make_serve_takes_pytorchs_build_for_cpus(machine: Machine) -> None:
    made, looked, installed = serve(machine)
    assert re.fullmatch(r"Making \.venv with Python 3\.\S+ \.\.\. \d+ s", made)
    assert re.fullmatch(r"Looking for PyTorch's build for cpu \.\.\. \d+ s", looked)
    assert re.fullmatch(r"Installing PyTorch and the other libraries \.\.\. \d+ s", installed)
    assert any("/cpu/torch/" in path and path.endswith(".whl") for path in machine.builds.requests)
    assert not any(path.endswith("/torch/") for path in machine.index.requests)


@INSTALLS
def test_make_serve_does_without_it(machine: Machine) -> None:
    machine.index.offers = lambda _: True
    _, _, said, _ = serve(machine, HTTPS_PROXY="http://127.0.0.1:9")
    assert said == "uv does not reach it; pip installs the build that it finds."
    assert any("/torch-" in path for path in machine.index.requests)


def ends(machine: Machine, **environment: str) -> tuple[int, str]:
    """Let `make serve` end, where another build has been installed before."""
    (machine.clone / ".venv").mkdir()
    (machine.clone / ".venv" / "serve-other").touch()
    process = machine.make("serve", **environment)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def finished(machine: Machine) -> list[str]:
    """Name what counts as installed."""
    return [path.name for path in machine.clone.glob(".venv/serve-*")]


def test_a_build_that_there_is_not_is_refused(machine: Machine) -> None:
    code, output = ends(machine, TORCH_BACKEND="gpu")
    assert code == 2
    assert "invalid value 'gpu'" in output
    assert "pip installs" not in output
    assert finished(machine) == ["serve-other"]


def test_the_build_for_a_gpu_is_asked_for(machine: Machine) -> None:
    """And where something else is missing, the last word is pip's."""
    machine.index.offers = lambda name: name not in {"torch", "fastapi"}
    code, output = ends(machine, TORCH_BACKEND="cu130")
    assert code == 2
    assert any("/cu130/torch/" in path for path in machine.builds.requests)
    assert "No matching distribution found for fastapi" in output
    assert finished(machine) == []  # its PyTorch is gone


def test_a_python_that_is_too_old_is_refused(machine: Machine, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    code, output = ends(machine, PYTHON=str(old))
    assert code == 2
    assert "needs Python 3.11 or later" in output
    assert finished(machine) == ["serve-other"]
