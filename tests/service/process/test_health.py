"""The health check of a container, against servers that it has to find."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conveyor.service.process import health
from conveyor.service.process.health import addresses, check
from tests.integration.test_operations import has_ipv6

# A process that looks as `conveyor serve` does, and listens where it is told.
SERVER = """
import socket, sys
server = socket.create_server((sys.argv[2], 0), family=int(sys.argv[3]))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def serving(program: Path, host: str, family: int) -> Iterator[int]:
    """A server that never answers; its port."""
    program.write_text(SERVER)
    process = subprocess.Popen(
        [sys.executable, str(program), "serve", host, str(family)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.communicate()


@pytest.mark.parametrize(
    ("host", "family", "reached"),
    [
        ("0.0.0.0", socket.AF_INET, "127.0.0.1"),
        ("127.0.0.2", socket.AF_INET, "127.0.0.2"),
        pytest.param("::", socket.AF_INET6, "::1", marks=needs_ipv6),
        pytest.param("::1", socket.AF_INET6, "::1", marks=needs_ipv6),
    ],
)
def test_servers_are_found_where_they_listen(
    tmp_path: Path, host: str, family: int, reached: str
) -> None:
    with serving(tmp_path / "conveyor", host, family) as port:
        assert (reached, port) in addresses()
    with serving(tmp_path / "another", host, family) as port:
        assert (reached, port) not in addresses()


def test_if_none_is_found_the_variables_say_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PROC", tmp_path)
    assert addresses() == [("127.0.0.1", 8000)]
    monkeypatch.setenv("CONVEYOR_HOST", "0.0.0.0")
    monkeypatch.setenv("CONVEYOR_PORT", "81")
    assert addresses() == [("127.0.0.1", 81)]
    monkeypatch.setenv("CONVEYOR_HOST", "::1")
    assert addresses() == [("::1", 81)]


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path says."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_it_is_healthy_if_it_answers_200(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        monkeypatch.setattr(health, "addresses", lambda: [server.server_address[:2]])
        threading.Thread(target=server.serve_forever).start()
        for path, code in (("/200", 0), ("/503", 1), ("/404", 1)):
            with pytest.raises(SystemExit) as ended:
                check(path)
            assert ended.value.code == code
        server.shutdown()
    with pytest.raises(SystemExit) as ended:
        check("/200")  # nobody listens any more
    assert ended.value.code == 1
