"""One connection, byte for byte and timer for timer: requests, hang-ups, half-closed callers."""

import asyncio
import json
import socket
from typing import Any

import pytest

from tests.service.protocol.callers import GET, POST, App, run


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
