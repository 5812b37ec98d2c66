"""Many callers, one model: every answer belongs to its question, and all are accounted for."""

import asyncio
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.echo import NUMBERS, echo_text
from tests.integration.conftest import Server, counters, serving
from tests.integration.wire import Connection, post
from tests.process import PATIENCE, until

REQUESTS = 2000  # ten of each caller, while 199 others ask
CONNECTIONS = 200
OUTCOMES = ("answered", "cancelled", "expired", "failed")


@dataclass
class Crowd:
    """Callers on many connections, some of whom misbehave."""

    server: Server
    gone: float = 0.0  # share of requests whose caller hangs up
    malformed: float = 0.0
    oversized: float = 0.0
    left: int = REQUESTS
    seen: "Counter[object]" = field(default_factory=Counter)
    half: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for seed in range(CONNECTIONS):
                group.create_task(self._call(random.Random(seed)))

    async def _call(self, rng: random.Random) -> None:
        connection = None
        while self.left > 0:
            self.left -= 1
            if self.left < REQUESTS // 2:
                self.half.set()
            try:
                connection = connection or await Connection.open(self.server.url)
                keep = await self._one(connection, rng)
            except (OSError, asyncio.IncompleteReadError):
                self.seen["no answer"] += 1
                keep = False
            if not keep and connection:
                connection.close()
                connection = None
        if connection:
            connection.close()

    async def _one(self, connection: Connection, rng: random.Random) -> bool:
        """Send one request; returns true if the connection can be used again."""
        fate = rng.random()
        if fate < self.malformed:
            return await self._expect(connection, b'{"inputs": "the', {400})
        if fate < self.malformed + self.oversized:
            return await self._expect(connection, b'{"inputs": "' + b"a" * 30_000 + b'"}', {413})
        numbers = [rng.randrange(NUMBERS) for _ in range(rng.choice([1, 1, 1, 4]))]
        texts = [echo_text(number, rng, longest=40) for number in numbers]
        request = post("/predict", {"inputs": texts, "parameters": {"top_k": 1}})
        if fate < self.malformed + self.oversized + self.gone:
            await connection.send(request)
            await asyncio.sleep(rng.choice([0, 0, 0.005]))
            self.seen["hung up"] += 1
            if rng.random() < 0.5:
                connection.reset()
            return False
        answer = await connection.ask(request)
        self.seen[answer.status] += 1
        if answer.status == 200:
            assert [best["label"] for [best] in answer.json] == [f"n{n}" for n in numbers]
        else:
            assert answer.status == 503, answer
            assert "shutting down" in answer.json["error"]
        return answer.headers.get("connection") != "close"

    async def _expect(self, connection: Connection, body: bytes, statuses: set[int]) -> bool:
        answer = await connection.ask(post("/predict", body))
        self.seen[answer.status] += 1
        assert answer.status in statuses | {503}, answer
        return answer.headers.get("connection") != "close"


@pytest.fixture
def echoing(echo: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(echo, tmp_path / "log", "--max-body-bytes", "20000") as running:
        yield running


def test_every_answer_belongs_to_its_question(echoing: Server) -> None:
    crowd = Crowd(echoing)
    asyncio.run(crowd.run())
    assert crowd.seen == {200: REQUESTS}
    count = counters(httpx.get(f"{echoing.url}/metrics").text)
    assert count['conveyor_accepted_requests_total{route="/predict"}'] == REQUESTS
    answered = 'conveyor_finished_requests_total{outcome="answered",route="/predict"}'
    assert count[answered] == REQUESTS
    assert count["conveyor_queued_tokens"] == count["conveyor_queued_texts"] == 0
    labels = sum(value for name, value in count.items() if "predictions_total" in name)
    assert labels == count["conveyor_texts_total"] == count["conveyor_top_score_count"]


def test_whoever_misbehaves_disturbs_nobody_and_all_are_accounted_for(echoing: Server) -> None:
    crowd = Crowd(echoing, gone=0.2, malformed=0.05, oversized=0.05)
    asyncio.run(crowd.run())
    assert crowd.seen["no answer"] == 0
    assert set(crowd.seen) == {200, 400, 413, "hung up"}
    count = settled(echoing)
    finished = {
        outcome: count.get(
            f'conveyor_finished_requests_total{{outcome="{outcome}",route="/predict"}}', 0
        )
        for outcome in OUTCOMES
    }
    assert count['conveyor_accepted_requests_total{route="/predict"}'] == sum(finished.values())
    assert finished["answered"] >= crowd.seen[200]
    assert finished["cancelled"] > 0
    assert finished["failed"] == finished["expired"] == 0
    assert count["conveyor_queued_tokens"] == 0


def test_a_signal_in_the_middle_loses_nothing(echoing: Server) -> None:
    crowd = Crowd(echoing, gone=0.2, malformed=0.05, oversized=0.05)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.run())
            await crowd.half.wait()
            echoing.process.send_signal(signal.SIGTERM)

    asyncio.run(main())
    assert echoing.process.wait(timeout=PATIENCE) == 0
    [line] = [line for line in echoing.log.read_text().splitlines() if "Requests in all" in line]
    tally = {
        name: int(count) for count, name in re.findall(r"(\d+) (\w+)", line.partition("all")[2])
    }
    assert tally["accepted"] == sum(tally[outcome] for outcome in OUTCOMES)
    assert tally["failed"] == tally["expired"] == 0
    assert tally["answered"] >= crowd.seen[200] > 0
    assert tally["cancelled"] + tally["answered"] <= crowd.seen[200] + crowd.seen["hung up"]


def settled(server: Server) -> dict[str, float]:
    """Read the counters, once the service has noticed that the last callers have hung up."""

    def told() -> dict[str, float] | None:
        count = counters(httpx.get(f"{server.url}/metrics").text)
        finished = sum(value for name, value in count.items() if "finished_requests_total" in name)
        accepted = count['conveyor_accepted_requests_total{route="/predict"}']
        return count if finished == accepted else None

    return until(told)
