"""A request: the jobs of one caller, from the queue to their results."""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from conveyor.service.batching.protocols import JobKind

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Timed(Generic[ResultT]):
    """The results of a request, in its order; how long it waited and how long it ran, in s."""

    results: list[ResultT]
    queued: float
    ran: float


class Job(NamedTuple):
    """A job that waits: its position among the jobs of its request, and its cost."""

    position: int
    content: Any
    cost: int


@dataclass(eq=False)
class Request:
    """The jobs of one caller, on their way."""

    client: Hashable
    kind: JobKind[Any]
    jobs: deque[Job]  # that still wait
    results: list[Any]
    missing: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Timed[Any]]"
    submitted: float  # as `time.perf_counter` tells, in s
    joined: float | None = None  # when its first job joined a batch
    over: bool = False  # nobody waits for it any more

    @property
    def failure(self) -> Exception | None:
        """The first of its results that is an error."""
        return next((result for result in self.results if isinstance(result, Exception)), None)

    def timed(self, now: float) -> Timed[Any]:
        """Make the results, with the times until now."""
        joined = self.joined or now
        return Timed(self.results, joined - self.submitted, now - joined)


class TakenJob(NamedTuple):
    """A job that has left the queue, with the request that it belongs to."""

    request: Request
    job: Job
    alone: bool = False  # its batch failed, so it has one of its own
