"""The image's content, and the start and end of a container of it."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.checkout import ROOT
from tests.container.docker import IMAGE, container, execute, inspect, ready, run
from tests.integration.conftest import LONG_TEXT, counters
from tests.process import PATIENCE, until

MOST_BYTES = 1.1e9

ASK = """
from urllib.request import Request, urlopen
body = b'{"inputs": "A wonderful, moving film."}'
request = Request("http://127.0.0.1:8000/predict", body, {"content-type": "application/json"})
print(urlopen(request).read().decode())
"""

LARGEST = """
cd /opt/conveyor/lib/python3.11/site-packages && du -sm * | sort -rn | head -6 | tr '\\n\\t' ', '
"""

# Beside what a compose file limits.
HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]

pytestmark = pytest.mark.usefixtures("image")


def test_it_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    size = inspect(IMAGE)["Size"]
    largest = run("docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c", LARGEST)
    with capsys.disabled():
        print(f"\nThe image has {size / 1e6:.0f} MB; the largest, in MiB: {largest}")
    assert size <= MOST_BYTES


def test_it_starts_without_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    with container(*HARDENED, "--network", "none") as name:
        until(lambda: "Conveyor serves" in run("docker", "logs", name))
        seconds = time.monotonic() - started
        [[best, _]] = json.loads(execute(name, "python", "-c", ASK))
        until(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    with capsys.disabled():
        print(f"\nFrom `docker run` to ready: {seconds:.1f} s")
    assert best["label"] == "positive"


def test_it_has_what_serving_needs_and_no_more() -> None:
    absent = "! command -v gcc cc make git && ! ls -d /root/.cache /wheels /locks /build /source"
    unwanted = "find /opt/conveyor -name tests -o -name 'nvidia*' -o -name triton -o -name '*.whl'"
    with container("--entrypoint", "sleep", command=("60",)) as name:
        execute(name, "sh", "-c", absent)
        assert execute(name, "sh", "-c", unwanted) == ""
        assert execute(name, "python", "-c", "import torch; print(torch.version.cuda)") == "None\n"
        packages = execute(name, "sh", "-c", "ls /opt/conveyor/lib/python3.11/site-packages")
    assert not {"pip", "pytest", "matplotlib", "datasets", "bench"} & set(packages.split())


def test_it_says_what_it_is() -> None:
    config = inspect(IMAGE)["Config"]
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}
    assert labels["title"] == "conveyor"
    assert labels["licenses"] == "Apache-2.0"
    assert labels["version"] == "0.1.0"
    assert labels["revision"] == run("git", "rev-parse", "HEAD").strip()
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == ["conveyor"]
    assert "/readyz" in config["Healthcheck"]["Test"][-1]


@pytest.mark.parametrize(
    ("mounted", "says"), [(None, "is not a directory"), (ROOT / "docs", "config.json")]
)
def test_a_wrong_model_directory_is_one_line(mounted: Path | None, says: str) -> None:
    volume = ["--volume", f"{mounted}:/model:ro"] if mounted else []
    with container(*HARDENED, *volume, "--env", "CONVEYOR_MODEL=/model") as name:
        until(lambda: not inspect(name)["State"]["Running"])
        [line] = run("docker", "logs", name).splitlines()
        assert line.startswith("conveyor: ")
        assert says in line
        assert inspect(name)["State"]["ExitCode"] == 1


@pytest.fixture
def readable(slow: Path) -> Iterator[Path]:
    """Copy the slow model to where all may read it; pytest's own directories are for one user."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(shutil.copytree(slow, Path(directory) / "slow"))


def test_sigterm_during_a_request_still_answers_it(readable: Path) -> None:
    options = ["--volume", f"{readable}:/model:ro", "--env", "CONVEYOR_MODEL=/model"]
    with container(*HARDENED, *options, "--publish", "127.0.0.1::8000") as name:
        url = f"http://{run('docker', 'port', name, '8000').strip()}"
        until(lambda: ready(url))

        def reading() -> bool:
            metrics = counters(httpx.get(f"{url}/metrics", timeout=PATIENCE).text)
            return metrics.get('conveyor_queue_seconds_count{kind="predict"}', 0) > 0

        with ThreadPoolExecutor(1) as pool:
            body = {"inputs": [LONG_TEXT] * 3}
            answer = pool.submit(httpx.post, f"{url}/predict", json=body, timeout=PATIENCE)
            until(reading)
            run("docker", "kill", "--signal", str(signal.SIGTERM.value), name)
            assert not answer.done()
            assert answer.result().status_code == 200
        until(lambda: not inspect(name)["State"]["Running"])
        assert inspect(name)["State"]["ExitCode"] == 0
        assert "1 accepted, 1 answered, 0 cancelled" in run("docker", "logs", name)
