"""Docker and compose as an operator runs them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.checkout import ROOT
from tests.process import PATIENCE

IMAGE = "conveyor:0.1.0"
PROJECT = "conveyor-tests"


def run(
    *command: str | Path,
    stdin: str = "",
    directory: Path = ROOT,
    check: bool = True,
    timeout: float = PATIENCE,
) -> str:
    """Run a command; returns its output, which a failed assertion shows."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=directory,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def daemon_runs() -> bool:
    """Look for a Docker daemon to talk to."""
    return (
        shutil.which("docker") is not None
        and not subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    )


def compose(*arguments: str, directory: Path = ROOT, timeout: float = PATIENCE) -> str:
    """Run `docker compose`, or the older `docker-compose`, on the file of a checkout."""
    new = not subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode
    command = ["docker", "compose"] if new else ["docker-compose"]
    named = [*command, "--project-name", PROJECT]
    return run(*named, *arguments, directory=directory, timeout=timeout)


def gateway() -> str:
    """Find this machine's address as containers see it, while they are built, too."""
    [network] = json.loads(run("docker", "network", "inspect", "bridge"))
    return str(network["IPAM"]["Config"][0]["Gateway"])


def containers(service: str) -> list[str]:
    """List the ids of the containers that compose runs for a service."""
    labels = [f"com.docker.compose.{key}" for key in ("project", "service")]
    filters = [f"label={labels[0]}={PROJECT}", "--filter", f"label={labels[1]}={service}"]
    return run("docker", "ps", "--quiet", "--filter", *filters).split()


def inspect(name: str) -> dict[str, Any]:
    """Read all that Docker knows of a container or an image."""
    [found] = json.loads(run("docker", "inspect", name))
    return dict(found)


def execute(name: str, *command: str, check: bool = True) -> str:
    """Run something inside a container."""
    return run("docker", "exec", name, *command, check=check)


@contextmanager
def container(*options: str, command: tuple[str, ...] = ()) -> Iterator[str]:
    """Run a container of the image, which is removed at the end; yields its id."""
    name = run("docker", "run", "--detach", *options, IMAGE, *command).split()[-1]
    try:
        yield name
    finally:
        run("docker", "rm", "--force", name)


def ready(url: str) -> bool:
    """Ask a server for readiness."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
