"""Each limit of the service refuses what is beyond it, at once, and loses nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import LONG_TEXT, UNHURRIED, Server, counters, holding, serving
from tests.integration.test_errors import assert_error
from tests.integration.wire import Answer, Connection, connect, post
from tests.process import PATIENCE

LONG = post("/predict", {"inputs": LONG_TEXT})
SHORT = post("/predict", {"inputs": "the film"})
READYZ = b"GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
def busy(patient: Path, tmp_path: Path) -> Iterator[Server]:
    """Serve with a model that is held, and room in the queue for one long text."""
    flags = ["--max-queued-tokens", "5000", "--max-batch-tokens", "1000", *UNHURRIED]
    with holding(patient, tmp_path, *flags) as running:
        yield running


def metrics(server: Server) -> dict[str, float]:
    return counters(httpx.get(f"{server.url}/metrics").text)


async def until_queued(server: Server, texts: int) -> None:
    """Wait until so many texts wait for the model."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE) as client:
        while True:
            count = counters((await client.get(f"{server.url}/metrics")).text)
            if count["conveyor_queued_texts"] == texts:
                return


async def until_reading(server: Server) -> None:
    """Wait until the model reads something."""
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE) as client:
        while True:
            count = counters((await client.get(f"{server.url}/metrics")).text)
            if count.get('conveyor_queue_seconds_count{kind="predict"}', 0) >= 1:
                return


def as_httpx(answer: Answer) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(busy: Server) -> None:
    async def main() -> None:
        async with connect(busy.url, 3) as (first, second, third):
            await first.send(LONG)
            await until_reading(busy)
            await second.send(LONG)
            await until_queued(busy, 1)
            refused = await third.ask(LONG)  # while the model is held
            assert_error(
                as_httpx(refused),
                429,
                "overloaded",
                r"full \(at most 5,000 tokens wait\)\. Retry in [0-9]+ s",
            )
            assert 1 <= int(refused.headers["retry-after"]) <= 30
            busy.let_go()
            answers = [await first.receive(), await second.receive()]
            assert [answer.status for answer in answers] == [200, 200]
            assert (await third.ask(SHORT)).status == 200

    asyncio.run(main())
    assert metrics(busy)['conveyor_rejected_requests_total{reason="queue"}'] == 1


def test_a_request_that_could_never_wait(busy: Server) -> None:
    answer = httpx.post(f"{busy.url}/predict", json={"inputs": ["film " * 3000] * 2})
    assert_error(
        answer, 413, "too_large", r"2 texts .* exceed the queue \(5,000 tokens\)\. Send them"
    )


def test_a_caller_that_hangs_up_frees_the_queue_before_its_text_runs(busy: Server) -> None:
    async def main() -> None:
        async with connect(busy.url, 3) as (first, second, third):
            await first.send(LONG)
            await until_reading(busy)
            await second.send(LONG)
            await until_queued(busy, 1)
            second.close()
            await until_queued(busy, 0)
            busy.let_go()
            assert (await first.receive()).status == 200
            assert (await third.ask(SHORT)).status == 200

    asyncio.run(main())
    count = metrics(busy)
    assert count["conveyor_dropped_texts_total"] == 1
    assert count['conveyor_finished_requests_total{outcome="cancelled",route="/predict"}'] == 1
    assert count['conveyor_http_requests_total{route="/predict",status="499"}'] == 1
    # Two were read, the third never.
    assert count['conveyor_queue_seconds_count{kind="predict"}'] == 2


def test_a_request_whose_time_is_over(busy: Server) -> None:
    async def main() -> int:
        async with connect(busy.url, 2) as (first, second):
            await first.send(LONG)
            await until_reading(busy)
            # On a busy machine a short time is over before the text has come to the queue.
            times = iter(("0.05", "2", "60"))
            tries = 0
            while not metrics(busy)["conveyor_dropped_texts_total"]:
                tries, seconds = tries + 1, next(times)
                late = post("/predict", {"inputs": LONG_TEXT}, x_request_timeout=seconds)
                answer = as_httpx(await second.ask(late))
                assert_error(answer, 504, "deadline_passed", f"not ready within {seconds} seconds")
            busy.let_go()
            assert (await first.receive()).status == 200
        return tries

    tries = asyncio.run(main())
    count = metrics(busy)
    assert count["conveyor_dropped_texts_total"] == 1
    expired = count['conveyor_finished_requests_total{outcome="expired",route="/predict"}']
    assert 1 <= expired <= tries


def test_the_server_s_own_limit_on_time_cannot_be_raised(patient: Path, tmp_path: Path) -> None:
    with holding(patient, tmp_path, "--request-seconds", "0.1") as running:
        for headers in ({}, {"x-request-timeout": "60"}):
            answer = httpx.post(
                f"{running.url}/predict",
                json={"inputs": LONG_TEXT},
                headers=headers,
                timeout=PATIENCE,
            )
            assert_error(answer, 504, "deadline_passed", "not ready within 0.1 seconds")


@pytest.mark.parametrize("value", ["", "soon", "0", "-1", "nan", "1s"])
def test_a_time_that_is_none(client: httpx.Client, value: str) -> None:
    answer = client.post("/predict", json={"inputs": "a"}, headers={"x-request-timeout": value})
    assert_error(
        answer, 422, "invalid_request", "x-request-timeout is .* a number of seconds above"
    )


def test_a_body_that_does_not_come_in_time(client: httpx.Client, server: Server) -> None:
    async def main() -> Answer:
        async with connect(server.url, 1) as [connection]:
            request = post("/predict", {"inputs": "a"}, x_request_timeout="0.1")
            return await connection.ask(request[:-1])

    answer = asyncio.run(main())
    assert_error(as_httpx(answer), 504, "deadline_passed", "not ready within 0.1 seconds")
    assert client.get("/readyz").status_code == 200


BEGUN = SHORT[:-1]  # its last byte is still to come


def test_more_requests_than_may_be_at_a_time(trained: Path, tmp_path: Path) -> None:
    async def main(url: str) -> None:
        async with connect(url, 9) as connections:
            silent = connections[5:]  # these cost nobody anything
            for connection in connections[:3]:
                await connection.send(BEGUN)
            refused = await until_refused(connections[3])
            says = "The limit of 3 requests at a time is reached"
            assert_error(as_httpx(refused), 429, "overloaded", says)
            assert refused.headers["connection"] == "close"
            assert refused.headers["retry-after"] == "1"
            assert (await connections[4].ask(READYZ)).status == 200
            for connection in connections[:3]:
                await connection.send(SHORT[-1:])
                assert (await connection.receive()).status == 200
            for connection in silent:
                assert (await connection.ask(SHORT)).status == 200

    with serving(trained, tmp_path / "log", "--max-connections", "3") as running:
        asyncio.run(main(running.url))


async def until_refused(connection: Connection) -> Answer:
    """Wait for the refusal, which comes once those before have arrived."""
    while True:
        answer = await connection.ask(SHORT)
        if answer.status != 200:
            return answer


def test_a_small_request_is_not_starved_by_a_large_one(patient: Path, tmp_path: Path) -> None:
    """Sixty texts of one request take turns with the one of another."""

    async def main(server: Server) -> None:
        async with connect(server.url, 2) as (first, second):
            await first.send(post("/predict", {"inputs": ["film " * 500] * 60}))
            await until_reading(server)
            await until_queued(server, 56)
            await second.send(SHORT)
            await until_queued(server, 57)
            # Four of the sixty are read at once, in two steps: all would take thirty.
            server.let(10)
            assert (await second.receive()).status == 200
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                count = counters((await client.get(f"{server.url}/metrics")).text)
            assert count["conveyor_queued_texts"] > 30
            server.let_go()
            assert (await first.receive()).status == 200

    flags = ["--max-batch-tokens", "2000", *UNHURRIED]
    with holding(patient, tmp_path, *flags) as running:
        asyncio.run(main(running))


def test_large_bodies_that_never_end_leave_room_for_others(trained: Path, tmp_path: Path) -> None:
    head = SHORT.partition(b"content-length")[0] + b"content-length: 1000000\r\n\r\n"

    async def main(url: str) -> None:
        async with connect(url, 25) as connections:
            for connection in connections[:24]:
                await connection.send(head + b" " * 999_999)
            answers = [
                asyncio.ensure_future(connection.receive()) for connection in connections[:24]
            ]
            done, pending = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 24 - 17:  # of 1,000,000 bytes, 64 KiB are each caller's own
                more, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                done |= more
            for answer in done:
                says = "bodies of all requests under way reach the limit of 16,000,000 bytes"
                assert_error(as_httpx(answer.result()), 429, "overloaded", says)
            assert (await connections[24].ask(SHORT)).status == 200
            for answer in pending:
                answer.cancel()

    with serving(trained, tmp_path / "log", "--max-body-bytes", "1000000") as running:
        asyncio.run(main(running.url))
