import json
import shlex
import shutil
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from conveyor.model.artifact import storage
from tests.integration.conftest import Server, serving
from tests.process import assert_one_sentence, conveyor


def test_info(client: httpx.Client, trained: Path) -> None:
    info = client.get("/info").json()
    loaded = storage.load(trained)
    assert info["artifact"] == {"name": "tiny-reviews", "sha256": loaded.sha256}
    assert info["labels"] == ["blame", "praise"]
    assert info["config"]["hidden_size"] == 8
    assert info["config"]["id2label"] == {"0": "blame", "1": "praise"}
    assert info["parameters"]["formula"] == "4*8*(8+12)"
    assert info["parameters"]["recurrent_by_formula"] == 640
    network = loaded.classifier.network
    assert info["parameters"]["total"] == sum(p.numel() for p in network.parameters())
    assert info["limits"] == {
        "max_body_bytes": 2_000_000,
        "max_inputs": 64,
        "max_tokens": 600,
        "max_batch_tokens": 16_384,
        "max_queued_tokens": 131_072,
        "max_response_bytes": 500_000,
        "max_connections": 800,
        "request_seconds": 30,
    }
    assert info["versions"]["conveyor"] == version("conveyor")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "http://" not in page.replace(str(client.base_url), "")
    assert "https://" not in page
    assert client.get("/docs/static/swagger-ui-bundle.js").status_code == 200
    assert client.get("/docs/static/none.js").json()["error_type"] == "not_found"


def test_every_error_is_documented(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/predict", "/states", "/info", "/livez", "/readyz", "/metrics"}
    everywhere = {"400", "408", "431", "500"}
    for path in ("/predict", "/states"):
        responses = paths[path]["post"]["responses"]
        own = {"406"} if path == "/states" else set()
        usual = {"200", "401", "413", "415", "422", "429", "503", "504"}
        assert set(responses) == everywhere | usual | own
        for status, response in responses.items():
            schema = response["content"]["application/json"]["schema"]
            assert status == "200" or schema == {"$ref": "#/components/schemas/ErrorBody"}
    assert set(paths["/readyz"]["get"]["responses"]) == everywhere | {"200", "503"}
    assert set(paths["/info"]["get"]["responses"]) == everywhere | {"200", "401", "429", "503"}


def test_the_curl_that_the_server_prints_works(server: Server) -> None:
    done = subprocess.run(shlex.split(server.curl), capture_output=True, check=True)
    first, second = json.loads(done.stdout)
    assert first[0]["label"] == "praise"
    assert second[0]["label"] == "blame"


def test_a_signal_ends_the_server_in_order(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log") as server:
        httpx.get(f"{server.url}/livez")
        assert server.stop() == 0
    log = (tmp_path / "log").read_text()
    assert "Application shutdown complete" in log
    assert "Traceback" not in log


def test_a_request_that_never_ends_does_not_keep_the_server_up(
    trained: Path, tmp_path: Path
) -> None:
    head = "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    with serving(trained, tmp_path / "log", "--shutdown-seconds", "1") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"{head}content-length: 10\r\n\r\n{{".encode())
            httpx.get(f"{server.url}/livez")  # by now, the server has read that
            assert server.stop() == 0


def test_settings_come_from_variables_and_flags_win(trained: Path, tmp_path: Path) -> None:
    variables = {"CONVEYOR_MAX_INPUTS": "3", "CONVEYOR_MAX_TOKENS": "5", "CONVEYOR_THREADS": "1"}
    flags = ["--max-tokens", "7"]
    with serving(trained, tmp_path / "log", *flags, **variables) as server:
        info = httpx.get(f"{server.url}/info").json()
    assert (info["limits"]["max_inputs"], info["limits"]["max_tokens"]) == (3, 7)
    assert info["threads"] == 1


def test_json_logs(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log", "--log-format", "json") as server:
        request_id = httpx.get(f"{server.url}/info").headers["x-request-id"]
        server.stop()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    [access] = [line for line in lines if line["logger"] == "conveyor.access"]
    assert access["request_id"] == request_id
    assert (access["method"], access["path"], access["status"]) == ("GET", "/info", 200)
    assert access["level"] == "INFO"
    assert access["milliseconds"] > 0


def test_the_log_level(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log", "--log-level", "warning") as server:
        httpx.get(f"{server.url}/livez")
        server.stop()
    assert (tmp_path / "log").read_text() == ""


def test_a_path_cannot_forge_a_line_of_the_log(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log") as server:
        httpx.get(f"{server.url}/%0aforged%1b[31m")
        server.stop()
    assert "GET /%0Aforged%1B%5B31m 404" in (tmp_path / "log").read_text()


def test_text_logs(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log") as server:
        request_id = httpx.get(f"{server.url}/info").headers["x-request-id"]
        for path in ("livez", "readyz", "metrics"):
            httpx.get(f"{server.url}/{path}")
        httpx.post(f"{server.url}/livez")
        server.stop()
    log = (tmp_path / "log").read_text()
    assert f"conveyor.access [{request_id}] GET /info 200" in log
    assert "POST /livez 405" in log
    assert log.count("conveyor.access") == 2  # health checks that are passed say nothing


def test_a_broken_artifact_stops_the_start(stacked: Path, tmp_path: Path) -> None:
    def refused(model: Path, says: str) -> None:
        assert_one_sentence(conveyor("serve", "--model", model, "--port", "0"), says)

    broken = Path(shutil.copytree(stacked, tmp_path / "broken"))
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refused(broken, "model.safetensors is not as it was written")
    weights.unlink()
    refused(broken, "model.safetensors is missing")
    refused(tmp_path / "none", "is not a directory")


def test_a_port_in_use_stops_the_start(trained: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = conveyor("serve", "--model", trained, "--port", str(port))
    assert_one_sentence(result, f"Cannot listen on 127.0.0.1, port {port}: Address already in use")


def test_a_host_that_is_not_ours_stops_the_start(trained: Path) -> None:
    result = conveyor("serve", "--model", trained, "--host", "192.0.2.1", "--port", "0")
    assert_one_sentence(result, "Cannot listen on 192.0.2.1, port 0")
    result = conveyor("serve", "--model", trained, "--host", "a..b")
    assert_one_sentence(result, "Cannot listen on a..b, port 8000: this is no name of a host")


def test_a_wrong_setting_stops_the_start() -> None:
    assert_one_sentence(
        conveyor("serve", "--port", "70000"), "--port should be less than or equal to 65535"
    )
    assert_one_sentence(
        conveyor("serve", environment={"CONVEYOR_PORT": "http"}),
        "CONVEYOR_PORT should be a valid integer",
    )


def test_wrong_keys_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"cl\xe9\n")
    result = conveyor("serve", "--port", "0", "--api-keys-file", tmp_path / "keys")
    assert_one_sentence(result, "keys, line 1 is no UTF-8")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log", "--host", "::1") as server:
        assert httpx.get(f"{server.url}/livez").status_code == 200
