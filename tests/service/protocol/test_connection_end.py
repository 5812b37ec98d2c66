"""One connection: answers that are not taken, bodies that are still sent, and its end."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from conveyor.service.protocol.connection import MIN_BYTES, Connection
from conveyor.service.protocol.connections import Connections
from tests.service.protocol.callers import GET, LARGE, POST, App, Caller, run, until


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
        unsent = 10 * MIN_BYTES
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
            before, transport.unsent = transport.unsent, transport.unsent - MIN_BYTES
            connection._check_sent(before)
            assert not transport.aborted
        before, transport.unsent = transport.unsent, transport.unsent - MIN_BYTES + 1
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


async def flood(caller: Caller) -> None:
    while True:
        await caller.send(bytes(65_536))


@pytest.mark.usefixtures("quick")
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
