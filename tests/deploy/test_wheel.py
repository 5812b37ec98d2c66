"""The wheel, in an environment and a folder of somebody who has a `model.py` of their own."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import httpx
import pytest

from tests.process import PATIENCE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in an environment with the libraries of this one; returns its commands."""
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip"]
    options = ["--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={directory}"]
    subprocess.run([*pip, "wheel", *options, ROOT], check=True)
    [wheel] = directory.glob("conveyor-*.whl")
    environment = directory / "environment"
    venv.create(environment)
    python = environment / "bin" / "python"
    # The libraries, but not the checkout: a .pth file leads to that, and is not read from here.
    [packages] = environment.glob("lib/python3*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([*pip, "--python", python, "install", "-qq", "--no-deps", wheel], check=True)
    return python.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model", "service", "tests"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('this is my {name}.py')\n")
    return tmp_path


def test_it_serves_beside_a_model_of_ones_own(installed: Path, folder: Path) -> None:
    with subprocess.Popen(
        [installed / "conveyor", "serve", "--port", "0"],
        cwd=folder,
        env={"PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            [url] = re.findall(
                r"Conveyor serves imdb-sentiment at (\S+) -", process.stdout.readline()
            )
            answer = httpx.post(f"{url}/predict", json={"inputs": "Wonderful!"}, timeout=PATIENCE)
            page = httpx.get(f"{url}/", timeout=PATIENCE)
        finally:
            process.terminate()
    assert answer.json()[0][0]["label"] == "positive"
    assert page.status_code == 200


PROGRAM = """
import conveyor
print(conveyor.__file__)
classifier = conveyor.load()
print(classifier.config.labels, classifier.classify(["A wonderful, moving film."]).argmax())
"""


def test_it_is_imported_as_conveyor(installed: Path, folder: Path) -> None:
    done = subprocess.run(
        [installed / "python", "-c", PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    where, answer = done.stdout.splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert answer == "('negative', 'positive') 1"


def test_it_has_the_two_packages_and_the_models(installed: Path) -> None:
    [package] = installed.parent.glob("lib/python3*/site-packages/conveyor")
    assert {path.name for path in package.iterdir()} >= {"model", "service", "py.typed"}
    assert not any(path.is_symlink() for path in package.rglob("*"))
    sources = [path for name in ("model", "service") for path in (ROOT / name).rglob("*")]
    kept = {"__pycache__", "node_modules"}
    for path in sources:
        if path.is_file() and not kept & set(path.parts):
            assert (package / path.relative_to(ROOT)).exists(), path
