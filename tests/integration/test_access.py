"""API keys and origins."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Server, counters, serving
from tests.integration.test_errors import assert_error
from tests.process import assert_one_sentence, conveyor

BODY = {"inputs": "a wonderful film"}


@pytest.fixture(scope="module")
def guarded(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("guarded")
    keys = directory / "keys"
    keys.write_text("from-the-file\n")
    with serving(
        trained, directory / "log", "--api-keys-file", str(keys), CONVEYOR_API_KEYS="one,two"
    ) as running:
        yield running


@pytest.mark.parametrize("key", ["one", "two", "from-the-file"])
def test_a_key_lets_in(guarded: Server, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=guarded.url, headers=headers) as client:
        assert client.post("/predict", json=BODY).status_code == 200
        assert client.post("/states", json=BODY).status_code == 200
        assert client.get("/info").status_code == 200


@pytest.mark.parametrize("header", [None, "Bearer three", "Basic one", "one"])
def test_without_one_nobody_gets_in(guarded: Server, header: str | None) -> None:
    headers = {"authorization": header} if header else {}
    with httpx.Client(base_url=guarded.url, headers=headers) as client:
        for answer in (
            client.post("/predict", json=BODY),
            client.post("/predict", content=b"x" * 100_000),
            client.post("/states", json=BODY),
            client.get("/info"),
            client.get("/nope"),
        ):
            assert_error(answer, 401, "unauthorized", "authorization: Bearer <key>")
            assert answer.headers["www-authenticate"] == "Bearer"


def test_health_metrics_and_the_description_stay_open(guarded: Server) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200, path
        schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
        assert [scheme["scheme"] for scheme in schemes.values()] == ["bearer"]
        rejected = counters(client.get("/metrics").text)
    assert rejected['conveyor_rejected_requests_total{reason="key"}'] > 0
    assert "one" not in guarded.log.read_text().replace("conveyor", "")


def test_without_keys_the_description_asks_for_none(client: httpx.Client) -> None:
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_keys_that_cannot_be_read_stop_the_start(trained: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    result = conveyor("serve", "--model", trained, "--api-keys-file", missing)
    assert_one_sentence(result, "missing: No such file or directory")
    assert_one_sentence(conveyor("serve", "--api-keys", ","), "API keys are asked for, but there")


def test_pages_of_other_origins_are_kept_out(client: httpx.Client) -> None:
    answer = client.post("/predict", json=BODY, headers={"origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = client.options(
        "/predict",
        headers={"origin": "https://example.org", "access-control-request-method": "POST"},
    )
    assert preflight.status_code == 405


def test_pages_of_named_origins_are_let_in(trained: Path, tmp_path: Path) -> None:
    flags = ["--cors-origins", "https://a.example, https://b.example", "--api-keys", "one"]
    asking = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    with (
        serving(trained, tmp_path / "log", *flags) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        for origin, status in (("https://b.example", 200), ("https://c.example", 403)):
            preflight = client.options("/predict", headers=asking | {"origin": origin})
            assert preflight.status_code == status
        assert_error(preflight, 403, "forbidden", "'https://c.example' is not allowed")
        foreign = asking | {"origin": "https://b.example", "access-control-request-method": "FOO"}
        preflight = client.options("/predict", headers=foreign)
        assert_error(preflight, 403, "forbidden", "this method is not allowed")
        headers = {"origin": "https://a.example", "authorization": "Bearer one"}
        answer = client.post("/predict", json=BODY, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_an_origin_as_people_copy_it(trained: Path, tmp_path: Path) -> None:
    origin = {"origin": "https://a.example"}
    with serving(trained, tmp_path / "log", "--cors-origins", "HTTPS://A.example/") as running:
        answer = httpx.get(f"{running.url}/livez", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        # What the application is not asked about has them as well.
        answer = httpx.post(f"{running.url}/predict", content=b"x" * 2**23, headers=origin)
        assert answer.status_code in (413, 415)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_what_is_no_origin_stops_the_start() -> None:
    result = conveyor("serve", "--cors-origins", "a.example")
    assert_one_sentence(result, "--cors-origins should be origins such as https://example.org")
