"""One connection, byte for byte and timer for timer, around a tiny application."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.protocol import connection as timing
from service.protocol.connection import Connection
from service.protocol.connections import Connections

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
LARGE = 8 * 2**20


class App:
    """Answers each request when it is let to, and tells who hung up."""

    def __init__(self) -> None:
        self.answer = b"answer"
        self.go = asyncio.Event()
        self.go.set()
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()
        self.reads = True
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        body, more = b"", self.reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        self.begun.set()
        waits = asyncio.ensure_future(self.go.wait())
        hangs_up = asyncio.ensure_future(_disconnect(receive))
        await asyncio.wait([waits, hangs_up], return_when=asyncio.FIRST_COMPLETED)
        if hangs_up.done():
            self.gone.set()
        hangs_up.cancel()
        headers = [(b"content-length", str(len(self.answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.answer})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Caller:
    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def read(self, until: bytes = b"") -> bytes:
        """Read until these bytes, or the end."""
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while not (until and until in found):
                data = await self._loop.sock_recv(self.socket, 65_536)
                if not data:
                    break
                found += data
        return found


@contextlib.asynccontextmanager
async def serving(
    app: App, connections: Connections
) -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    loop = asyncio.get_running_loop()
    make = partial(Connection, connections, config, ServerState(), {})
    server = await loop.create_server(make, "127.0.0.1", 0)
    callers: list[Caller] = []

    async def call(**options: int) -> Caller:
        own = socket.socket()
        own.setblocking(False)
        for name, value in options.items():
            own.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        await loop.sock_connect(own, server.sockets[0].getsockname())
        callers.append(Caller(own))
        return callers[-1]

    try:
        yield call
    finally:
        for caller in callers:
            caller.socket.close()
        server.close()


def run(
    test: Callable[[App, Any], Awaitable[None]], connections: Connections | None = None
) -> None:
    async def main() -> None:
        app = App()
        async with (
            asyncio.timeout(60),
            serving(
                app, Connections(100, 100, 2**30) if connections is None else connections
            ) as call,
        ):
            await test(app, call)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the server has it
        runner.run(main())


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for. What has none is waited for without end."""
    for name in ("HEAD_SECONDS", "WRITE_SECONDS", "LINGER_SECONDS", "PROBE_SECONDS"):
        monkeypatch.setattr(timing, name, 0.1)


@pytest.mark.usefixtures("quick")
def test_who_says_nothing_is_let_go() -> None:
    async def test(_app: App, call: Any) -> None:
        assert await (await call()).read() == b""

    run(test)


@pytest.mark.usefixtures("quick")
def test_who_stops_within_a_head_is_told_so() -> None:
    async def test(_app: App, call: Any) -> None:
        caller = await call()
        await caller.send(b"GET / HTTP/1.1\r\nhost")
        answer = await caller.read()
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error_type"] == "request_timeout"

    run(test)


@pytest.mark.usefixtures("quick")
def test_nor_may_the_next_head_take_for_ever() -> None:
    async def test(_app: App, call: Any) -> None:
        caller = await call()
        await caller.send(GET)
        assert b"answer" in await caller.read(b"answer")
        await caller.send(b"GET / HT")
        assert await caller.read() == b""

    run(test)


@pytest.mark.usefixtures("quick")
def test_a_connection_between_two_requests_stays() -> None:
    async def test(_app: App, call: Any) -> None:
        caller = await call()
        for _ in range(2):
            await caller.send(GET)
            assert b"answer" in await caller.read(b"answer")
            await asyncio.sleep(0.3)  # longer than a head may take

    run(test)


@pytest.mark.usefixtures("quick")
def test_an_answer_may_take_longer_than_a_head() -> None:
    async def test(app: App, call: Any) -> None:
        app.go.clear()
        caller = await call()
        await caller.send(GET)
        await app.begun.wait()
        await asyncio.sleep(0.3)
        app.go.set()
        assert b"answer" in await caller.read(b"answer")

    run(test)


@pytest.mark.usefixtures("quick")
def test_what_is_left_of_a_body_that_nobody_reads_has_a_deadline_too() -> None:
    async def test(app: App, call: Any) -> None:
        app.reads = False
        caller = await call()
        await caller.send(POST + b"content-length: 9\r\n\r\n123")
        assert b"answer" in await caller.read(b"answer")
        await caller.send(b"4")
        assert await caller.read() == b""

    run(test)


def test_the_rest_of_a_body_that_nobody_reads_is_no_request() -> None:
    async def test(app: App, call: Any) -> None:
        app.reads = False
        caller = await call()
        await caller.send(POST + b"content-length: %d\r\n\r\n" % len(GET))
        assert b"answer" in await caller.read(b"answer")
        app.reads = True
        await caller.send(GET)
        await caller.send(GET.replace(b"/", b"/next", 1))
        assert b"answer" in await caller.read(b"answer")
        assert app.paths == ["/", "/next"]

    run(test)


def test_who_has_closed_its_half_is_answered() -> None:
    async def test(app: App, call: Any) -> None:
        for request in (GET, POST + b"content-length: 3\r\n\r\nabc", GET + GET + GET):
            caller = await call()
            await caller.send(request)
            caller.socket.shutdown(socket.SHUT_WR)
            answers = await caller.read()
            assert answers.count(b"HTTP/1.1 200") == max(1, request.count(b"GET"))
            assert not app.gone.is_set()

    run(test)


@pytest.mark.usefixtures("quick")
def test_a_half_closed_caller_is_asked_for_a_sign_and_answered_after_that() -> None:
    async def test(app: App, call: Any) -> None:
        app.go.clear()
        caller = await call()
        await caller.send(GET)
        caller.socket.shutdown(socket.SHUT_WR)
        interim = await caller.read(b"\r\n\r\n")
        assert interim.startswith(b"HTTP/1.1 100 Continue\r\n")
        app.go.set()
        assert b"200 OK" in await caller.read()

    run(test)


@pytest.mark.usefixtures("quick")
def test_a_caller_of_http_1_0_gets_no_interim_answers() -> None:
    async def test(app: App, call: Any) -> None:
        app.go.clear()
        caller = await call()
        await caller.send(b"GET / HTTP/1.0\r\n\r\n")
        caller.socket.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.5)
        app.go.set()
        assert (await caller.read()).startswith(b"HTTP/1.1 200 OK")

    run(test)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("behind", [b"", GET, GET * 20, POST + b"content-length: 9\r\n\r\n1"])
def test_a_hang_up_is_noticed_whatever_was_sent_behind(
    behind: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(app: App, call: Any) -> None:
        app.go.clear()
        caller = await call()
        await caller.send(GET + behind)
        await app.begun.wait()
        caller.socket.close()
        await app.gone.wait()
        app.go.set()
        await asyncio.sleep(0.1)

    run(test)
    assert not caplog.records


@pytest.mark.usefixtures("quick")
def test_half_a_request_is_a_hang_up() -> None:
    async def test(app: App, call: Any) -> None:
        caller = await call()
        await caller.send(POST + b"content-length: 9\r\n\r\n123")
        caller.socket.shutdown(socket.SHUT_WR)
        assert await caller.read() == b""
        await app.gone.wait()
        assert app.bodies == []

    run(test)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("requests", [1, 3])
def test_an_answer_that_nobody_takes_is_given_up(requests: int) -> None:
    connections = Connections(100, 100, 2**30)

    async def test(app: App, call: Any) -> None:
        app.answer = b"a" * LARGE
        caller = await call(SO_RCVBUF=4096)
        await caller.send(GET * requests)
        await app.begun.wait()
        await until(lambda: not len(connections))
        assert len(await caller.read()) < requests * LARGE

    run(test, connections)


def test_an_answer_may_be_taken_slowly_but_not_for_ever_slower() -> None:
    class Transport(asyncio.Transport):
        unsent = 10 * timing.LEAST_BYTES
        aborted = False

        def get_write_buffer_size(self) -> int:
            return self.unsent

        def abort(self) -> None:
            self.aborted = True

        def close(self) -> None:
            self.aborted = True

        def is_closing(self) -> bool:
            return self.aborted

    async def test(app: App, _call: Any) -> None:
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
        connection = Connection(Connections(9, 9, 2**30), config, ServerState(), {})
        transport = Transport()
        connection.connection_made(transport)
        connection.pause_writing()
        for _ in range(3):
            before, transport.unsent = transport.unsent, transport.unsent - timing.LEAST_BYTES
            connection._check_sent(before)
            assert not transport.aborted
        before, transport.unsent = transport.unsent, transport.unsent - timing.LEAST_BYTES + 1
        connection._check_sent(before)
        assert transport.aborted
        connection.connection_lost(None)

    run(test)


def test_more_than_may_wait_to_be_sent_does_not(caplog: pytest.LogCaptureFixture) -> None:
    connections = Connections(100, 100, 3 * LARGE)

    async def test(app: App, call: Any) -> None:
        app.answer = b"a" * LARGE
        callers = [await call(SO_RCVBUF=4096) for _ in range(6)]
        for number, caller in enumerate(callers):
            await caller.send(GET)
            await until(lambda sent=number + 1: len(app.bodies) == sent)  # type: ignore[misc]
        await until(lambda: len(connections) <= 3)
        assert len(await callers[0].read()) < LARGE
        assert len(await callers[5].read(b"a" * 9)) > 0

    run(test, connections)
    assert "An answer was given up" in caplog.text


def test_the_connection_that_is_idle_for_the_longest_makes_room() -> None:
    connections = Connections(3, 3, 2**30)

    async def test(app: App, call: Any) -> None:
        app.go.clear()
        busy = await call()
        await busy.send(GET)
        await app.begun.wait()
        idle = [await call() for _ in range(5)]
        for caller in idle[:3]:
            assert await caller.read() == b""
        app.go.set()
        for caller in (busy, *idle[3:]):
            await caller.send(GET if caller is not busy else b"")
            assert b"answer" in await caller.read(b"answer")

    run(test, connections)


@pytest.mark.usefixtures("quick")
async def flood(caller: Caller) -> None:
    while True:
        await caller.send(bytes(65_536))


def test_a_refused_caller_may_not_send_for_ever() -> None:
    async def test(_app: App, call: Any) -> None:
        caller = await call()
        with pytest.raises(ConnectionError):
            await flood(caller)

    run(test)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_body_in_chunks_arrives_as_it_was_sent(size: int) -> None:
    body = bytes(range(256)) * 20
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part)
        for part in (body[start : start + size] for start in range(0, len(body), size))
    )

    async def test(app: App, call: Any) -> None:
        caller = await call()
        await caller.send(POST + b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        answer = await caller.read(b"answer" if size > 1 else b"}")
        if size == 1:  # a chunk for every byte is no body but an attack
            assert b"far too small" in answer
        else:
            assert app.bodies == [body]

    run(test)


CLOSE = b"connection: close\r\n"
PATIENT = 2**30  # bytes that a transport takes without asking to be spared


@pytest.mark.parametrize("head", [POST + CLOSE, POST.replace(b"1.1", b"1.0"), POST])
def test_an_answer_is_not_lost_on_who_still_sends_its_body(head: bytes) -> None:
    body = bytes(20 * 2**20)

    async def test(app: App, call: Any) -> None:
        app.reads = False
        caller = await call()
        await caller.send(head + b"content-length: %d\r\n\r\n" % len(body))
        assert b"answer" in await caller.read(b"answer")
        await caller.send(body)

    run(test)


@pytest.mark.usefixtures("quick")
def test_who_has_been_answered_and_is_to_go_may_not_send_for_ever() -> None:
    async def test(app: App, call: Any) -> None:
        app.reads = False
        caller = await call()
        await caller.send(POST + CLOSE + b"content-length: %d\r\n\r\n" % 2**32)
        with pytest.raises(ConnectionError):
            await flood(caller)

    run(test)


async def leave_untaken(app: App, caller: Caller, connections: Connections) -> Connection:
    """Have a last answer of which some lies in the process, less than makes asyncio complain."""
    app.go.clear()
    app.answer = b"a" * LARGE
    await caller.send(GET.replace(b"\r\n\r\n", b"\r\n" + CLOSE + b"\r\n"))
    await app.begun.wait()
    connection = next(each for each in connections._open if each not in connections._idle)
    assert isinstance(connection, Connection)
    connection.transport.set_write_buffer_limits(PATIENT)
    app.begun.clear()
    app.go.set()
    await until(lambda: connection.closing)
    return connection


@pytest.mark.usefixtures("quick")
def test_a_last_answer_that_nobody_takes_is_given_up_however_small() -> None:
    connections = Connections(100, 100, 2**30)

    async def test(app: App, call: Any) -> None:
        connection = await leave_untaken(app, await call(SO_RCVBUF=4096), connections)
        connection.resume_writing()  # most of it may be taken, and the rest not
        await until(lambda: not len(connections))

    run(test, connections)


def test_who_does_not_take_its_last_answer_makes_room() -> None:
    connections = Connections(3, 3, 2**30)

    async def test(app: App, call: Any) -> None:
        for _ in range(3):
            await leave_untaken(app, await call(SO_RCVBUF=4096), connections)
        caller = await call()
        await caller.send(GET)
        assert b"200 OK" in await caller.read(b"a" * 9)

    run(test, connections)


def test_the_server_can_end_while_somebody_is_refused() -> None:
    connections = Connections(100, 100, 2**30)

    async def test(app: App, call: Any) -> None:
        app.reads = False
        caller = await call()
        await caller.send(POST + b"transfer-encoding: chunked\r\n\r\n")
        assert b"answer" in await caller.read(b"answer")
        [connection] = connections._open
        assert isinstance(connection, Connection)
        await caller.send(b"no chunk\r\n")
        await until(lambda: connection.closing)
        connection.shutdown()
        assert await caller.read() == b""

    run(test, connections)


def test_the_end_of_the_server_waits_for_answers_that_are_under_way() -> None:
    connections = Connections(100, 100, 2**30)

    async def test(app: App, call: Any) -> None:
        app.go.clear()
        caller, silent = await call(), await call()
        await caller.send(GET)
        await app.begun.wait()
        await until(lambda: len(connections) == 2)
        for connection in list(connections._open):
            assert isinstance(connection, Connection)
            connection.shutdown()
        assert await silent.read() == b""
        app.go.set()
        assert (await caller.read()).endswith(b"answer")

    run(test, connections)
