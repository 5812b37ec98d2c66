"""HTTP clients that cost little themselves: asyncio protocols over httptools."""

import asyncio
import random
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import httptools
import numpy as np
import orjson

OK = 200
NO_ANSWER = 0  # the connection broke before the answer was there


@dataclass
class Outcome:
    """Latencies in seconds by status, from the moment in which a request was due."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    elapsed: float = 0.0
    unsent: int = 0  # of an open loop: when they were due, no connection was free
    queued: list[float] = field(default_factory=list)  # seconds in the queue, as the server says

    def add(self, status: int, seconds: float) -> None:
        self.seconds.setdefault(status, []).append(seconds)

    def count(self, status: int) -> int:
        return len(self.seconds.get(status, ()))

    def rate(self, status: int = 200) -> float:
        return self.count(status) / self.elapsed

    def ms(self, share: float, status: int = 200) -> float:
        """Give a quantile in milliseconds."""
        return float(np.quantile(self.seconds[status], share)) * 1000


def post(text: str) -> bytes:
    body = orjson.dumps({"inputs": text})
    head = (
        "POST /predict HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Single:
    """One blocking client: no event loop is part of the latency."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._complete = False

    def on_message_complete(self) -> None:
        self._complete = True

    def ask(self, request: bytes) -> float:
        """Send a request; returns the seconds until the whole answer is there."""
        parser, self._complete = httptools.HttpResponseParser(self), False
        started = time.perf_counter()
        self._socket.sendall(request)
        while not self._complete:
            parser.feed_data(self._socket.recv(65_536))
        seconds = time.perf_counter() - started
        assert parser.get_status_code() == OK
        return seconds

    def close(self) -> None:
        self._socket.close()


class Caller(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if self._waits:
            self._waits = False
            self._pool.answered(self, NO_ANSWER, time.perf_counter() - self._due)

    def ask(self, request: bytes, due: float) -> None:
        self._waits = True
        self._parser = httptools.HttpResponseParser(self)
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name == b"x-queue-time":
            self._pool.outcome.queued.append(float(value) / 1000)

    def on_message_complete(self) -> None:
        seconds = time.perf_counter() - self._due
        self._waits = False
        self._pool.answered(self, self._parser.get_status_code(), seconds)

    @property
    def closed(self) -> bool:
        """True once the server has closed the connection, as it does when there are too many."""
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class Pool:
    """Connections to one server, and their outcomes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: deque[Caller] = deque()
        self._all: list[Caller] = []
        self._requests: Iterator[bytes] | None = None  # of a closed loop
        self._open = 0
        self._done = asyncio.Event()
        self.outcome = Outcome()

    async def connect(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, caller = await loop.create_connection(lambda: Caller(self), "127.0.0.1", self._port)
            self._free.append(caller)
            self._all.append(caller)

    def answered(self, caller: Caller, status: int, seconds: float) -> None:
        self.outcome.add(status, seconds)
        if status != NO_ANSWER:
            self._free.append(caller)
        self._open -= 1
        if self._requests is not None:
            asyncio.get_running_loop().call_soon(self._next)
        elif not self._open:
            self._done.set()

    def _next(self) -> None:
        assert self._requests is not None
        request = next(self._requests, None)
        if request is not None:
            self._ask(request, time.perf_counter())
        elif not self._open:
            self._done.set()

    def _ask(self, request: bytes, due: float) -> None:
        self._open += 1
        self._free.popleft().ask(request, due)

    async def closed_loop(self, requests: Sequence[bytes]) -> Outcome:
        """Send the next request on each connection as soon as the last is answered."""
        self._requests = iter(requests)
        self._done.clear()
        started = time.perf_counter()
        for _ in range(len(self._free)):
            self._next()
        await self._done.wait()
        return self._result(started)

    async def open_loop(self, requests: Sequence[bytes], rate: float, seconds: float) -> Outcome:
        """Send requests at random times (Poisson), `rate` a second, whether answered or not."""
        rng = random.Random(0)
        self._requests = None
        started = due = time.perf_counter()
        number = 0
        while due < started + seconds:
            wait = due - time.perf_counter()
            await asyncio.sleep(max(0.0, wait))
            while self._free and self._free[0].closed:
                self._free.popleft()
            if self._free:
                self._ask(requests[number % len(requests)], due)
            else:
                self.outcome.unsent += 1
            number += 1
            due += rng.expovariate(rate)
        self._done.clear()
        if self._open:
            await self._done.wait()
        return self._result(started)

    def _result(self, started: float) -> Outcome:
        outcome, self.outcome = self.outcome, Outcome()
        outcome.elapsed = time.perf_counter() - started
        return outcome

    def close(self) -> None:
        for caller in self._all:
            caller.close()
