"""The image, built once, and the service that compose runs from it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.container.docker import compose, containers, daemon_runs, ready, run
from tests.process import PATIENCE, until

URL = "http://127.0.0.1:8000"
PROXY = "http://127.0.0.1:8080"


@pytest.fixture(scope="session")
def image() -> None:
    """Build the image, as an operator would."""
    if not daemon_runs():
        pytest.skip("there is no Docker daemon here")
    run("make", "image", timeout=1200)


@pytest.fixture(scope="module")  # it holds the default port
def service(image: None) -> Iterator[str]:  # noqa: ARG001 - it is built before
    """Run the container of `docker compose up`."""
    try:
        compose("up", "--detach")
        until(lambda: ready(URL))
        [name] = containers("conveyor")
        yield name
    finally:
        compose("down", "--volumes")


@pytest.fixture
def client(service: str) -> Iterator[httpx.Client]:  # noqa: ARG001 - it runs before
    with httpx.Client(base_url=URL, timeout=PATIENCE) as running:
        yield running


@pytest.fixture
def replicas(image: None) -> Iterator[httpx.Client]:  # noqa: ARG001 - it is built before
    """Run two replicas behind the proxy."""
    try:
        compose("up", "--detach", "--scale", "replica=2", "proxy")
        with httpx.Client(base_url=PROXY, timeout=PATIENCE) as running:
            until(lambda: len(served_by(running, 8)) == 2)
            yield running
    finally:
        compose("--profile", "replicas", "rm", "--stop", "--force", "proxy", "replica")


def served_by(client: httpx.Client, calls: int) -> set[str]:
    """Find the replicas that answer some calls."""
    try:
        answers = [client.get("/info") for _ in range(calls)]
    except httpx.TransportError:
        return set()
    return {answer.headers["x-replica"] for answer in answers if answer.status_code == 200}
