"""`docker compose up`: what it serves, what it may do, and what happens when it is killed."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.container.conftest import URL, served_by
from tests.container.docker import IMAGE, compose, containers, execute, inspect, ready, run
from tests.process import PATIENCE, until

TEXT = "A wonderful, moving film, and not a minute too long."
LOAD_SECONDS = 10


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("profile", ["", "monitoring", "replicas"])
def test_the_configuration_is_valid(profile: str) -> None:
    options = ["--profile", profile] if profile else []
    assert "read_only: true" in compose(*options, "config")


def test_it_predicts_and_shows_states(client: httpx.Client) -> None:
    [[best, _]] = client.post("/predict", json={"inputs": TEXT}).json()
    assert best["label"] == "positive"
    states = client.post("/states", json={"inputs": TEXT}).json()
    [layer] = states["results"][0]["layers"]
    assert len(layer["cell"]) == len(states["results"][0]["tokens"])


def test_it_is_not_root_and_cannot_become_it(service: str) -> None:
    status = execute(service, "cat", "/proc/1/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(found["Uid"].split()) == set(found["Gid"].split()) == {"10001"}
    assert found["NoNewPrivs"] == "1"
    assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0


def test_it_can_write_nowhere_but_to_tmp(service: str) -> None:
    for directory in ("/", "/opt/conveyor", "/home", "/var"):
        said = execute(service, "touch", f"{directory}/written", check=False)
        assert "Read-only file system" in said
    execute(service, "sh", "-c", "touch /tmp/written && rm /tmp/written")


def test_it_has_limits(service: str) -> None:
    limits = inspect(service)["HostConfig"]
    assert limits["Memory"] == 2**30
    assert limits["NanoCpus"] == 2e9
    assert limits["PidsLimit"] == 256
    assert inspect(service)["Config"]["StopTimeout"] == 40


def test_memory_stays_under_the_limit_under_load(
    service: str, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = inspect(service)["HostConfig"]["Memory"]
    end = time.monotonic() + LOAD_SECONDS
    statuses: Counter[int] = Counter()

    def call(number: int) -> None:
        with httpx.Client(base_url=URL, timeout=PATIENCE) as caller:
            length = number
            while time.monotonic() < end:
                length = length * 31 % 997  # texts of many lengths, as memory grows with shapes
                states = number == 1  # of one text: those of eight would be more than is answered
                body = {"inputs": [TEXT + " film" * length] * (1 if states else 8)}
                path = "/states" if states else "/predict"
                statuses[caller.post(path, json=body).status_code] += 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(1, 17)))
    text = client.get("/metrics").text
    [resident] = [
        float(line.split()[1])
        for line in text.splitlines()
        if line.startswith("process_resident_memory_bytes ")
    ]
    with capsys.disabled():
        print(f"\nAfter {statuses} answers, {resident / 2**20:.0f} of {limit / 2**20:.0f} MiB")
    assert set(statuses) == {200}
    assert resident < limit
    assert not inspect(service)["State"]["OOMKilled"]
    assert inspect(service)["RestartCount"] == 0


def test_once_killed_it_comes_back(service: str, client: httpx.Client) -> None:
    pid = inspect(service)["State"]["Pid"]
    kill = f"import os; os.kill({pid}, 9)"
    privileges = ["--pid", "host", "--user", "0", "--entrypoint", "python"]
    run("docker", "run", "--rm", *privileges, IMAGE, "-c", kill)
    until(lambda: inspect(service)["RestartCount"] == 1)
    until(lambda: ready(URL))
    assert client.post("/predict", json={"inputs": TEXT}).status_code == 200


def test_any_replica_goes_on_from_a_state(replicas: httpx.Client) -> None:
    def read(piece: str, **more: str) -> tuple[dict[str, Any], str]:
        body = {"inputs": piece, "return_state": True, "tensors": [], **more}
        answer = replicas.post("/states", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"][0], answer.headers["x-replica"]

    place = TEXT.index(" ", len(TEXT) // 2)
    first, begun = read(TEXT[:place])
    [whole, _] = read(TEXT)[0]["prediction"]

    def read_elsewhere() -> bool:
        last, ended = read(TEXT[place:], state=first["state"])
        [best, _] = last["prediction"]
        assert best["label"] == whole["label"]
        assert best["score"] == pytest.approx(whole["score"], abs=1e-5)
        return ended != begun

    until(read_elsewhere)


def test_replicas_come_and_go_and_no_request_is_lost(replicas: httpx.Client) -> None:
    """As an upgrade does it: new ones are started, and then the old ones are stopped."""
    over = threading.Event()
    statuses: Counter[int] = Counter()

    def call(_: int) -> None:
        with httpx.Client(base_url=str(replicas.base_url), timeout=PATIENCE) as caller:
            while not over.is_set():
                statuses[caller.post("/predict", json={"inputs": TEXT}).status_code] += 1
                time.sleep(0.02)

    old = containers("replica")
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call, number) for number in range(4)]
        try:
            scale = ["--scale", "replica=4", "replica"]
            compose("up", "--detach", "--no-recreate", "--no-deps", *scale)
            until(lambda: len(served_by(replicas, 16)) == 4)
            run("docker", "stop", *old)
            assert len(containers("replica")) == 2
            until(lambda: len(served_by(replicas, 16)) == 2)
        finally:
            over.set()
        for done in calls:
            done.result()
    assert set(statuses) == {200}, statuses
    assert sum(statuses.values()) > 100


def test_the_proxy_keeps_metrics_to_itself(replicas: httpx.Client) -> None:
    assert replicas.get("/metrics").status_code == 404
