"""Hostile requests of 64 KB: the event loop goes on, memory stays, and other callers are answered.

How long the loop is held up is measured in its own CPU time, which no other process lengthens;
bench/hostile.py has what it comes to by the clock.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from conveyor import SHIPPED
from tests.integration.conftest import Server, serving
from tests.process import PATIENCE

MOST_BYTES = 65_536
MOST_HELD_UP = 0.1  # seconds of the event loop's CPU time
MOST_MEMORY = 256e6  # bytes above the start


@dataclass
class Watch:
    """A heartbeat, and a well-behaved caller, beside whatever else is asked."""

    server: Server
    held_up: float = 0.0
    peak: int = 0
    statuses: set[int] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.pid = self.server.process.pid
        self.start = self.resident

    @property
    def resident(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def loop_seconds(self) -> float:
        """Read the CPU time of the process's first thread, on which the event loop runs."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def beat(self, client: httpx.Client) -> None:
        before = self.loop_seconds
        assert client.get("/livez").status_code == 200
        self.held_up = max(self.held_up, self.loop_seconds - before)
        self.peak = max(self.peak, self.resident)

    def call(self, client: httpx.Client) -> None:
        answer = client.post("/predict", json={"inputs": "a wonderful film"})
        self.statuses.add(answer.status_code)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._repeat, args=(work,)) for work in (self.beat, self.call)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, work: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE) as client:
            work(client)  # once at least
            while not self._over.is_set():
                work(client)
                time.sleep(0.002)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("hostile") / "log"
    # Its CPU time is measured, of which coverage would take half.
    with serving(SHIPPED, log, COVERAGE_PROCESS_CONFIG="") as running:
        httpx.post(f"{running.url}/states", json={"inputs": "a fine film"}, timeout=PATIENCE)
        yield running
    assert "Traceback" not in log.read_text()


CHARACTERS = st.sampled_from("a !'.\u0301\u2000\u200b\u00ad\ufdfa\u0130房\U0001f600\0\"\\[{,")
TEXTS = st.builds(
    lambda some, count: (some * count)[:MOST_BYTES],
    st.text(CHARACTERS, min_size=1, max_size=8) | st.text(min_size=1, max_size=8),
    st.sampled_from([1, 2, 100, 4000, MOST_BYTES]),
)
NUMBERS = st.integers(-600, 600) | st.sampled_from([2**31, 2**63, 10**300, -(10**4000)])
ODD = st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), TEXTS)
SLICES = st.sampled_from([":", "0:1", "-1:", "::5", "0:0", "511:", "999999999:", "::-1", ""])


def many(items: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
    """Draw few items, or one as often as there is room for."""
    return st.lists(items, max_size=9) | st.builds(
        lambda item, count: [item] * min(count, MOST_BYTES // len(repr(item))),
        items,
        st.sampled_from([99, 4096, 20_000]),
    )


BODIES = st.fixed_dictionaries(
    {"inputs": TEXTS | many(TEXTS) | many(ODD) | ODD},
    optional={
        "truncate": st.booleans() | ODD,
        "parameters": st.dictionaries(st.sampled_from(["top_k", "x"]), ODD),
        "tensors": many(st.sampled_from(["hidden", "cell", "output_gate"])) | ODD,
        "layers": many(NUMBERS),
        "directions": many(st.sampled_from(["forward", "backward"])),
        "units": many(NUMBERS | SLICES) | ODD,
        "steps": SLICES | ODD,
        "decimals": NUMBERS,
        "step_scores": st.booleans(),
        "contributions": st.booleans(),
        "summaries": st.booleans(),
        "return_state": st.booleans(),
        "state": many(TEXTS | st.none()) | ODD,
    },
)
NESTED = st.builds(
    lambda opening, count: (opening * count)[: MOST_BYTES // 2].encode(),
    st.sampled_from(["[", '{"a":', "[[],", '{"inputs":[', "1,", '"', "\\u0000"]),
    st.sampled_from([10, 30_000]),
)
CONTENTS = st.one_of(
    BODIES.map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass")),
    BODIES.map(lambda body: json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")),
    NESTED,
    st.binary(max_size=200),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("accept", "accept-encoding", "content-encoding", "authorization", "cookie"),
                *("x-request-timeout", "x-request-id", "if-none-match", "origin", "expect"),
                *("upgrade", "x"),
            ]
        ),
        st.sampled_from(["zstd", "gzip", "application/vnd.safetensors", "100-continue", "h2c", "1"])
        | st.builds(
            lambda part, count: part * count,
            st.sampled_from([",", "a,", "a;q=0.1,", '"', "*/*;", "\xe9", "(", " "]),
            st.sampled_from([1, 100, 9000]),
        ),
    ),
    max_size=4,
)


def post(path: str, content: bytes, headers: list[tuple[str, str]], chunk: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: a", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    if not chunk:
        head = "\r\n".join([*lines, f"content-length: {len(content)}", "", ""])
        return head.encode("latin-1") + content
    head = "\r\n".join([*lines, "transfer-encoding: chunked", "", ""])
    pieces = (content[start : start + chunk] for start in range(0, len(content), chunk))
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head.encode("latin-1") + body + b"0\r\n\r\n"


POSTS = st.builds(
    post,
    st.sampled_from(["/predict", "/states"]),
    CONTENTS,
    HEADERS,
    st.sampled_from([0, 0, 0, 1, 50, 5000]),
)
GETS = st.builds(
    lambda path, headers, count: (
        "\r\n".join([f"GET {path} HTTP/1.1", "host: a", *(f"{n}: {v}" for n, v in headers), "", ""])
        * count
    ).encode("latin-1"),
    st.sampled_from(["/", "/metrics", "/info", "/docs", "/openapi.json", "/x" * 9000, "/?" * 9000]),
    HEADERS,
    st.sampled_from([1, 1, 20]),
)
RAW = st.builds(
    lambda part, count: part * count,
    st.binary(min_size=1, max_size=40) | st.sampled_from([b"GET / HTTP/1.1\r\n", b"x: a\r\n"]),
    st.sampled_from([1, 1000, 30_000]),
)
REQUESTS = (POSTS | POSTS | GETS | RAW).map(lambda data: data[:MOST_BYTES])


def send(server: Server, data: bytes) -> None:
    """Send these bytes, and take whatever comes till the server has enough."""
    host, port = server.url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as own,
        contextlib.suppress(ConnectionError),
    ):
        own.sendall(data)
        own.shutdown(socket.SHUT_WR)
        while own.recv(1 << 20):
            pass


UNITS = json.dumps({"inputs": "film", "units": [":"] * 400, "tensors": ["cell"]}).encode()
ALL = json.dumps({"inputs": "film " * 1700, "return_state": True, "summaries": True}).encode()


@settings(
    max_examples=100,
    phases=[Phase.explicit, Phase.generate],  # a smaller example would cost less
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(REQUESTS, min_size=1, max_size=3))
@example([post("/states", UNITS, [], 0)])
@example([post("/states", ALL, [("accept-encoding", "zstd")], 0)] * 3)
@example([post("/states", json.dumps({"inputs": "!" * 60_000, "truncate": True}).encode(), [], 0)])
@example([post("/predict", b'{"inputs":[' + b"1," * 30_000 + b"1]}", [], 0)])
@example([post("/predict", b"[" * 60_000, [], 0), post("/predict", b" " * 10_000, [], 1)])
def test_nothing_small_costs_much(watched: Server, requests: list[bytes]) -> None:
    watch = Watch(watched)
    with watch.running():
        threads = [threading.Thread(target=send, args=(watched, data)) for data in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert watch.held_up <= MOST_HELD_UP
    assert watch.peak - watch.start <= MOST_MEMORY
    assert watch.statuses == {200}
