"""deploy/monitoring: what Prometheus and Grafana are told is so."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.integration.conftest import LONG_TEXT, UNHURRIED, Server, accepted, counters, holding
from tests.process import PATIENCE, until

DIRECTORY = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARD = json.loads((DIRECTORY / "grafana/dashboards/conveyor.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load((DIRECTORY / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
VARIABLES = [variable["definition"] for variable in DASHBOARD["templating"]["list"]]

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")),
    reason="Prometheus is not installed here",
)


def metrics(text: str) -> set[str]:
    """Find the names of metrics in an expression, or in /metrics."""
    return set(re.findall(r"\b(?:conveyor|process)_[a-z_]+", text))


@pytest.fixture
def busy(patient: Path, tmp_path: Path) -> Iterator[Server]:
    """Serve with room for one long text that is read, and one that waits."""
    with holding(patient, tmp_path, "--max-queued-tokens", "5000", *UNHURRIED) as running:
        yield running


@needs_prometheus
@pytest.mark.parametrize(
    "command",
    ["check config prometheus.yml", "check rules alerts.yml", "test rules alerts.test.yml"],
)
def test_promtool_agrees(command: str) -> None:
    done = subprocess.run(
        ["promtool", *command.split()], cwd=DIRECTORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_and_is_explained() -> None:
    operations = (DIRECTORY.parents[1] / "docs" / "operations.md").read_text()
    tests = (DIRECTORY / "alerts.test.yml").read_text()
    for rule in RULES:
        assert f"alertname: {rule['alert']}\n" in tests
        assert f"| `{rule['alert']}` |" in operations


def test_every_metric_named_exists(busy: Server) -> None:
    busy.let_go()
    with httpx.Client(base_url=busy.url) as client:
        client.post("/predict", json={"inputs": "a film"})
        existing = metrics(client.get("/metrics").text)
    named = metrics(" ".join([*QUERIES, *VARIABLES, *(rule["expr"] for rule in RULES)]))
    assert named <= existing
    assert len(named) > 15


def test_the_dashboard_shows_what_operators_ask_for() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert titles == ["Load", "Latency", "Queue", "Batches", "Drift", "Process"]


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    provisioning = DIRECTORY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    used = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert used == {source["uid"]}
    [provider] = yaml.safe_load((provisioning / "dashboards/conveyor.yml").read_text())["providers"]
    compose = yaml.safe_load((DIRECTORY.parents[1] / "docker-compose.yml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090"
    assert any(provider["options"]["path"] in mount for mount in compose["grafana"]["volumes"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def prometheus(target: str, directory: Path) -> Iterator[httpx.Client]:
    """Run a real Prometheus with the project's rules, which scrapes one server every second."""
    config = yaml.safe_load((DIRECTORY / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DIRECTORY / "alerts.yml")]
    [job] = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE) as client:
            until(lambda: answers(client))
            yield client
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def query(client: httpx.Client, expression: str) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    return list(answer["data"]["result"])


@needs_prometheus
def test_a_full_queue_raises_its_alert(busy: Server, tmp_path: Path) -> None:
    target = busy.url.removeprefix("http://")
    with prometheus(target, tmp_path) as client, ThreadPoolExecutor(2) as pool:
        until(lambda: bool(query(client, 'up{job="conveyor"} == 1')))
        taken = []
        for waiting in (0, 1):  # the first one is read, the second one waits
            taken.append(pool.submit(post, busy.url))
            until(lambda: accepted_and_waiting(busy) == (waiting + 1, waiting))  # noqa: B023

        def firing() -> bool:
            assert post(busy.url) == 429
            alerts = client.get("/api/v1/alerts").json()["data"]["alerts"]
            return ("ConveyorQueueFull", "firing") in {
                (alert["labels"]["alertname"], alert["state"]) for alert in alerts
            }

        until(firing)
        busy.let_go()
        assert [call.result() for call in taken] == [200, 200]
        # And every query of the dashboard is one that Prometheus understands.
        for expression in QUERIES:
            filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
            query(client, filled)
        until(lambda: bool(query(client, "sum(rate(conveyor_tokens_total[1m])) > 0")))


def accepted_and_waiting(server: Server) -> tuple[float, float]:
    count = counters(httpx.get(f"{server.url}/metrics").text)
    return accepted(server), count["conveyor_queued_texts"]


def post(url: str) -> int:
    return httpx.post(f"{url}/predict", json={"inputs": LONG_TEXT}, timeout=PATIENCE).status_code
