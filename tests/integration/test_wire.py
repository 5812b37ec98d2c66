"""Foreign, odd and hostile clients, byte for byte, before a real server."""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Server, serving
from tests.integration.wire import connect, post
from tests.process import PATIENCE

BODY = b'{"inputs": "a wonderful film"}'
POST = (
    b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n" % len(BODY)
)
UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
PAGES = ["/", "/livez", "/readyz", "/metrics", "/info", "/docs", "/openapi.json"]


@pytest.fixture(scope="module")
def wired(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("wire") / "log"
    with serving(trained, log) as running:
        yield running
        assert httpx.get(f"{running.url}/readyz").status_code == 200
    assert "Traceback" not in log.read_text()


def tell(server: Server, *parts: bytes, half_close: bool = True) -> bytes:
    """Send these bytes; returns all that comes back till the server closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as own,
        contextlib.suppress(ConnectionError),
    ):
        for part in parts:
            own.sendall(part)
        if half_close:
            own.shutdown(socket.SHUT_WR)
        while data := own.recv(65_536):
            answer += data
    return answer


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("offer", [UPGRADE, b"connection: upgrade\r\nupgrade: websocket\r\n"])
def test_an_offer_to_upgrade_is_not_taken_up(wired: Server, offer: bytes) -> None:
    assert statuses(tell(wired, POST + offer + b"\r\n" + BODY)) == [200]
    inner = POST.replace(b"%d" % len(BODY), b"%d" % len(LIVEZ))
    answer = tell(wired, inner + offer + b"\r\n", LIVEZ)  # a body is no request of its own
    assert statuses(answer) == [400]
    assert b"malformed_json" in answer
    both = tell(wired, POST + offer + b"\r\n" + BODY + LIVEZ)  # but what comes behind it is
    assert statuses(both) == [200, 200]


REFUSED = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "emoji in the path": ("GET /\N{GRINNING FACE} HTTP/1.1\r\nhost: a\r\n\r\n".encode(), 400),
    "two lengths": (POST + b"content-length: 1\r\n\r\n" + BODY, 400),
    "length and chunks": (POST + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n" + LIVEZ, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "many headers": (LIVEZ[:-2] + b"x: a\r\n" * 500 + b"\r\n", 431),
    "large headers": (LIVEZ[:-2] + b"x: " + b"a" * 60_000 + b"\r\n\r\n", 431),
    "endless headers": (LIVEZ[:-2] + (b"x: " + b"a" * 4000 + b"\r\n") * 400, 431),
    "long path": (LIVEZ.replace(b"/livez", b"/" + b"a" * 60_000), 431),
    "broken chunks": (
        POST.partition(b"content-length")[0] + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        400,
    ),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_what_the_parser_refuses_has_the_body_of_all_refusals(
    wired: Server, data: bytes, status: int
) -> None:
    answer = tell(wired, data, half_close=False)
    assert statuses(answer) == [status]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert set(json.loads(body)) == {"error", "error_type"}
    assert b"connection: close" in head
    assert b"content-type: application/json" in head


@pytest.mark.parametrize(
    "path", ["/%00", "/docs/static/%00", "/inspector/%00", "/inspector/..%2f", "/%ff", "//", "*"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_odd_paths_and_methods_are_refused_by_name(wired: Server, method: str, path: str) -> None:
    answer = tell(wired, f"{method} {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
    assert statuses(answer)[0] in (404, 405)
    if method != "HEAD":
        assert b'"error_type"' in answer


@pytest.mark.parametrize("path", PAGES)
def test_head_is_answered_as_get_without_its_body(wired: Server, path: str) -> None:
    with httpx.Client(base_url=wired.url) as client:
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code == 200
        assert head.content == b""
        assert head.headers["content-type"] == get.headers["content-type"]
        assert client.put(path).headers["allow"] == "GET, HEAD"


def test_who_has_closed_its_half_is_answered(wired: Server) -> None:
    for path in PAGES:
        assert statuses(tell(wired, f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())) == [200]
    answer = tell(wired, POST + b"\r\n" + BODY)
    assert b'"praise"' in answer


def test_pipelined_requests_are_answered_in_their_order(wired: Server) -> None:
    answer = tell(wired, LIVEZ + POST + b"\r\n" + BODY + LIVEZ.replace(b"/livez", b"/nope"))
    assert statuses(answer) == [200, 200, 404]


def test_callers_that_hang_up_leave_nothing_in_the_log(wired: Server) -> None:
    async def main() -> None:
        for behind in (b"", LIVEZ, LIVEZ * 50, POST + b"\r\n" + BODY, POST):
            for cut in (1, 20, len(POST), -1):
                request = post("/predict", {"inputs": ["a wonderful film " * 20] * 9})
                async with connect(wired.url, 5) as connections:
                    for connection in connections:
                        await connection.send(request + behind if cut == -1 else request[:cut])

    asyncio.run(main())  # the fixture looks into the log


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("6fa459ea-ee8a-3ca4-894e-db77e160355e", True),
        ("6FA459EAEE8A3CA4894EDB77E160355E", True),
        ("{6fa459ea-ee8a-3ca4-894e-db77e160355e}", False),
        ("6-f-a-4-59eaee8a3ca4894edb77e160355e", False),
        ("urn:uuid:6fa459ea-ee8a-3ca4-894e-db77e160355e", False),
        ("a" * 3000, False),
    ],
)
def test_a_request_id_is_taken_over_if_it_is_one(wired: Server, given: str, kept: bool) -> None:
    answer = httpx.get(f"{wired.url}/livez", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) == kept


def test_pages_may_not_be_framed_nor_load_from_elsewhere(wired: Server) -> None:
    for path in ("/", "/docs"):
        headers = httpx.get(f"{wired.url}{path}").headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_with_few_files_idle_connections_give_way(trained: Path, tmp_path: Path) -> None:
    """As with `ulimit -n 512`: health checks and callers are answered beside the silent."""
    with serving(trained, tmp_path / "log", files="512") as running:
        host, port = running.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(700)]
        for _ in range(3):
            assert httpx.get(f"{running.url}/livez", timeout=PATIENCE).status_code == 200
            answer = httpx.post(f"{running.url}/predict", json={"inputs": "a"}, timeout=PATIENCE)
            assert answer.status_code == 200
        for own in held:
            own.close()
        log = running.log.read_text()
    assert "connections are kept open, not 3,200: this process may open 512 files" in log
    assert "idle ones are closed for new ones" in log
    assert "Traceback" not in log


def test_what_curl_sends_with_http2(wired: Server) -> None:
    done = subprocess.run(
        [
            *("curl", "-s", "--http2", f"{wired.url}/predict", "-d", BODY.decode()),
            *("-H", "content-type: application/json", "-w", "%{http_code}"),
        ],
        capture_output=True,
        check=True,
    )
    assert done.stdout.endswith(b"200")
