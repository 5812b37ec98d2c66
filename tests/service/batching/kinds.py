"""Kinds of jobs that tests hold and count, and how they are sent; nothing waits for a clock."""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.protocols import Observer, StepResult
from conveyor.service.batching.request import Timed
from conveyor.service.batching.single_step import SingleStepBatch

PATIENCE = 300  # seconds, for what should happen at once


@dataclass(frozen=True)
class Held:
    """A kind of job that stops before every step until it is told to go on; it echoes."""

    name: str = "held"
    steps: "queue.SimpleQueue[list[Any]]" = field(default_factory=queue.SimpleQueue, compare=False)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), compare=False)

    def begin(self) -> SingleStepBatch[Any]:
        return SingleStepBatch(self._run)

    def _run(self, jobs: Sequence[Any]) -> StepResult:
        self.steps.put(list(jobs))
        assert self.go.acquire(timeout=PATIENCE)
        for job in jobs:
            if isinstance(job, BaseException) and not isinstance(job, ValueError):
                raise job
        return StepResult(dict(enumerate(jobs)), worked=len(jobs))

    async def started(self) -> list[Any]:
        """The jobs of the next step, once it has begun."""
        return await asyncio.to_thread(self.steps.get, timeout=PATIENCE)


class Countdown:
    """A kind in which each job is a number of steps: they come and go."""

    name = "countdown"

    def __init__(self) -> None:
        self.steps: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.go = threading.Semaphore(0)

    def begin(self) -> "Counting":
        return Counting(self)

    async def started(self) -> list[int]:
        return await asyncio.to_thread(self.steps.get, timeout=PATIENCE)


class Counting:
    def __init__(self, kind: Countdown) -> None:
        self.kind = kind
        self.left: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.left)

    def add(self, jobs: Sequence[tuple[int, int]]) -> None:
        self.left.update(jobs)

    def prepare(self) -> None:
        pass

    def step(self) -> StepResult:
        self.kind.steps.put(sorted(self.left.values()))
        assert self.kind.go.acquire(timeout=PATIENCE)
        self.left = {number: left - 1 for number, left in self.left.items()}
        done = [number for number, left in self.left.items() if left == 0]
        for number in done:
            del self.left[number]
        return StepResult(dict.fromkeys(done, "done"))


class Recorder(Observer):
    def __init__(self) -> None:
        self.waiting = (0, 0)
        self.dropped_jobs = 0
        self.steps: list[tuple[str, int, int, int]] = []
        self.seconds: list[float] = []

    def queue(self, cost: int, jobs: int) -> None:
        self.waiting = (cost, jobs)

    def dropped(self, jobs: int) -> None:
        self.dropped_jobs += jobs

    def step(self, kind: str, jobs: int, stepped: StepResult, seconds: float) -> None:
        assert seconds > 0
        self.seconds.append(seconds)
        self.steps.append((kind, jobs, stepped.worked, stepped.wasted))


@contextmanager
def running(
    batch_cost: int = 10, queue_cost: int = 100, observer: Observer | None = None
) -> Iterator[Batcher]:
    batcher = Batcher("test", batch_cost, queue_cost, observer)
    batcher.start()
    yield batcher


def send(
    batcher: Batcher, kind: Any, *jobs: Any, client: str = "a", cost: int = 1
) -> "asyncio.Task[Timed[Any]]":
    """Submit now; the task has the answer."""
    waiting = batcher.submit(client, kind, jobs, [cost] * len(jobs))
    return asyncio.create_task(waiting)
