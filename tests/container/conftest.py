"""The image, built once, and the service that compose runs from it."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.checkout import ROOT, clone
from tests.container.docker import compose, containers, daemon_runs, gateway, ready, run
from tests.package_index import PackageIndex, proxying
from tests.process import PATIENCE, until

URL = "http://127.0.0.1:8000"
PROXY = "http://127.0.0.1:8080"

BASE = "conveyor-tests/python"
[PYTHON] = re.findall(r"^ARG PYTHON=(.+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
WITH_CERTIFICATE = f"""
FROM {PYTHON}
COPY certificate.pem /
RUN cat /certificate.pem >> /etc/ssl/certs/ca-certificates.crt
"""


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the image as `docker compose up` does in a fresh clone, with nothing in wheels/.

    A stand-in has PyTorch's CPU build, which is the one that is installed here. Its certificate is
    in the base image, and so in the image.
    """
    if not daemon_runs():
        pytest.skip("there is no Docker daemon here")
    directory = tmp_path_factory.mktemp("builds")
    builds = PackageIndex(directory, lambda name: name == "torch")
    certificate = directory / "certificate.pem"
    with proxying(builds, certificate, gateway(), only="pytorch") as proxy:
        run("docker", "build", "--tag", BASE, "--file", "-", directory, stdin=WITH_CERTIFICATE)
        revision = run("git", "rev-parse", "HEAD").strip()
        arguments = {"PYTHON": BASE, "HTTPS_PROXY": proxy, "REVISION": revision}
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        compose("build", *options, "conveyor", directory=clone(directory / "clone"), timeout=1200)
    assert any("/cpu/torch/" in path for path in builds.requests)


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
