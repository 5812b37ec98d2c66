"""The end of a server: whoever was let in is answered, and nobody is let in any more."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conveyor.service.process.signals import IGNORED, SHUTDOWN_SIGNALS
from tests.integration.conftest import LONG_TEXT, UNHURRIED, Server, accepted, holding
from tests.integration.test_errors import assert_error
from tests.integration.test_limits import as_httpx, until_queued, until_reading
from tests.integration.wire import connect, post
from tests.process import PATIENCE, until

LONG = post("/predict", {"inputs": [LONG_TEXT] * 3})


@pytest.fixture
def server(patient: Path, tmp_path: Path) -> Iterator[Server]:
    with holding(patient, tmp_path, "--max-batch-tokens", "1000", *UNHURRIED) as running:
        yield running


@pytest.mark.parametrize("number", SHUTDOWN_SIGNALS)
def test_whoever_was_let_in_is_answered_and_newcomers_are_told(server: Server, number: int) -> None:
    async def main() -> None:
        async with connect(server.url, 3) as (accepted, waiting, idle):
            await accepted.send(LONG)
            await until_reading(server)
            await waiting.send(LONG)
            await until_queued(server, 5)
            for meaningless in IGNORED:
                server.process.send_signal(meaningless)
            server.process.send_signal(number)
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as client:
                ready = await client.get("/readyz")
                assert_error(ready, 503, "unavailable", "shutting down")
                assert (await client.get("/livez")).status_code == 200
                assert (await client.get("/metrics")).status_code == 200
                late = await client.post("/predict", json={"inputs": "a"})
                assert_error(
                    late, 503, "unavailable", "shutting down. Send the request to another replica"
                )
                assert late.headers["connection"] == "close"
            late_too = await idle.ask(LONG)
            assert_error(as_httpx(late_too), 503, "unavailable", "shutting down")
            server.let_go()
            assert (await accepted.receive()).status == 200
            assert (await waiting.receive()).status == 200

    asyncio.run(main())
    assert server.process.wait(timeout=PATIENCE) == 0
    assert "Requests in all: 2 accepted, 2 answered, 0 can" in server.log.read_text()


def test_when_the_time_is_over_the_rest_is_refused(patient: Path, tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        async with connect(server.url, 3) as connections:
            for connection in connections:
                await connection.send(post("/predict", {"inputs": [LONG_TEXT] * 9}))
            until(lambda: accepted(server) == 3)
            server.process.send_signal(signal.SIGTERM)
            for connection in connections:
                assert_error(
                    as_httpx(await connection.receive()), 503, "unavailable", "shutting down"
                )

    flags = ["--shutdown-seconds", "0", "--request-seconds", "600"]
    with holding(patient, tmp_path, *flags) as running:
        asyncio.run(main(running))
        assert running.process.wait(timeout=PATIENCE) == 0
        assert "3 accepted, 0 answered, 0 cancelled, 0 expired, 3 failed" in running.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_now(server: Server, number: int) -> None:
    async def main() -> None:
        async with connect(server.url, 1) as [connection]:
            await connection.send(post("/predict", {"inputs": [LONG_TEXT] * 9}))
            await until_reading(server)
            server.process.send_signal(signal.SIGTERM)
            while httpx.get(f"{server.url}/readyz").status_code == 200:  # noqa: ASYNC210
                pass
            server.process.send_signal(number)
            with pytest.raises(asyncio.IncompleteReadError):
                await connection.receive()

    asyncio.run(main())
    assert server.process.wait(timeout=PATIENCE) == -number


def test_an_idle_server_ends_at_once(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=PATIENCE) == 0
