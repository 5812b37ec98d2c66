"""A real server process on a free port, and an httpx client for it."""

import os
import re
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import pytest

from conveyor import SHIPPED
from tests.echo import save_echo
from tests.fork_server import Conveyor
from tests.process import PATIENCE

# Some thousand tokens: a second or more for the slow model, in several steps.
LONG_TEXT = "film " * 4000

# Where no limit on time is what is tested.
UNHURRIED = ["--request-seconds", "600", "--shutdown-seconds", "600"]

# Before each step, the model waits for a byte in the pipe, or for the pipe's end.
HOLD = """
import os
from conveyor.model.inference.continuous_batching import SpanReader
pipe = os.open({pipe!r}, os.O_RDONLY)
step = SpanReader.step
def held(reader):
    os.read(pipe, 1)
    return step(reader)
SpanReader.step = held
"""


@dataclass
class Server:
    """A running `conveyor serve`."""

    url: str
    curl: str
    process: Conveyor[str]
    log: Path
    pipe: IO[bytes] | None = None

    def let(self, steps: int) -> None:
        """Let a model that is held take so many steps."""
        assert self.pipe is not None
        self.pipe.write(bytes(steps))

    def let_go(self) -> None:
        """Let it take all that there are."""
        assert self.pipe is not None
        self.pipe.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def serving(
    model: Path, log: Path, *flags: str, files: str = "", first: str = "", **environment: str
) -> Iterator[Server]:
    """Start a server as a newcomer would, and wait until it says where it is.

    With ``files``, it may open no more than so many.
    """
    limits = (int(files), int(files)) if files else None
    with log.open("w") as stderr:
        process: Conveyor[str] = Conveyor(
            ["serve", "--model", model, "--port", "0", *flags],
            first=first,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=limits and partial(resource.setrlimit, resource.RLIMIT_NOFILE, limits),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, log.read_text()
        yield Server(found.group(), process.stdout.readline(), process, log)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def holding(model: Path, directory: Path, *flags: str) -> Iterator[Server]:
    """Serve a model that takes no step until it is let: so it is busy for as long as is needed.

    Nothing is too late then on a slow machine, nor too early on a fast one.
    """
    pipe = directory / "steps"
    os.mkfifo(pipe)
    with (
        pipe.open("r+b", buffering=0) as steps,
        serving(model, directory / "log", *flags, first=HOLD.format(pipe=str(pipe))) as running,
    ):
        running.pipe = steps
        yield running
        steps.close()  # what is still held may end, before the server does


@pytest.fixture(scope="session")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the small trained model, under limits that are easy to pass."""
    flags = ["--max-body-bytes", "2000000", "--max-inputs", "64", "--max-response-bytes", "500000"]
    log = tmp_path_factory.mktemp("logs") / "server.log"
    with serving(trained, log, *flags, "--max-tokens", "600") as running:
        yield running


@pytest.fixture(scope="session")
def stacked_server(stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a random model with two layers that read in both directions."""
    with serving(stacked, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="session")
def shipped_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the model that a newcomer gets."""
    with serving(SHIPPED, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as running:
        yield running


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model whose output encodes its input; its directory."""
    directory = tmp_path_factory.mktemp("models") / "echo"
    save_echo(directory)
    return directory


def counters(text: str) -> dict[str, float]:
    """Read the text of /metrics: name and labels to value."""
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines())
        if not name.startswith("#")
    }


def accepted(server: Server) -> float:
    """Count the requests that the queues have taken."""
    count = counters(httpx.get(f"{server.url}/metrics").text)
    return count.get('conveyor_accepted_requests_total{route="/predict"}', 0)
