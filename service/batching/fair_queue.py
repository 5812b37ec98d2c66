"""The order in which jobs run: clients take turns, then their requests, then the requests' jobs."""

import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

from more_itertools import roundrobin

from conveyor.service.batching.protocols import JobKind
from conveyor.service.batching.request import Job, Request, TakenJob


class FairQueue:
    """The requests that wait, with what their jobs cost in all.

    It does not lock by itself: whoever uses it holds ``changed``, and notifies it of what is added.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.closed = True
        self.cost = 0
        self.jobs = 0
        # Client: its requests, both in the order of their turns.
        self._waiting: dict[Hashable, dict[Request, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def requests(self) -> list[Request]:
        """All requests with jobs that wait."""
        return [request for requests in self._waiting.values() for request in requests]

    def add(self, request: Request) -> None:
        """Let all jobs of a request wait."""
        self._waiting.setdefault(request.client, {})[request] = None
        self.cost += sum(job.cost for job in request.jobs)
        self.jobs += len(request.jobs)

    def remove(self, request: Request) -> int:
        """Drop the jobs of a request that still wait, and count them."""
        dropped = len(request.jobs)
        if dropped:
            self.cost -= sum(job.cost for job in request.jobs)
            self.jobs -= dropped
            request.jobs.clear()
            self._leave(request)
        return dropped

    def next_jobs(self, kind: JobKind[Any] | None, cost: int, most: int) -> list[TakenJob]:
        """Find the jobs whose turn it is, for a batch of this kind and cost that may cost so much.

        Without a kind, the first job decides it. A batch without cost takes any first job.
        """
        found: list[TakenJob] = []
        for request, job in self._turns():
            kind = request.kind if kind is None else kind
            # Whoever's turn it is waits for the batch to end, rather than be passed by for ever.
            if request.kind != kind or (cost and cost + job.cost > most):
                break
            cost += job.cost
            found.append(TakenJob(request, job))
        return found

    def take(self, jobs: Sequence[TakenJob]) -> None:
        """Remove jobs that `next_jobs` has found; their requests' next turns come last."""
        for taken in jobs:
            taken.request.jobs.popleft()
        for request in dict.fromkeys(taken.request for taken in jobs):
            self._requeue(request)
        self.cost -= sum(taken.job.cost for taken in jobs)
        self.jobs -= len(jobs)

    def _turns(self) -> Iterator[tuple[Request, Job]]:
        """Go through all jobs that wait, in the order in which they should run."""
        return roundrobin(*map(_rounds, self._waiting.values()))

    def _requeue(self, request: Request) -> None:
        """Put a request that has had a turn, and its client, behind those that have not."""
        requests = self._waiting[request.client]
        self._leave(request)
        if request.jobs:
            requests[request] = None
        if requests:
            self._waiting.pop(request.client, None)
            self._waiting[request.client] = requests

    def _leave(self, request: Request) -> None:
        requests = self._waiting[request.client]
        del requests[request]
        if not requests:
            del self._waiting[request.client]


def _rounds(requests: Iterable[Request]) -> Iterator[tuple[Request, Job]]:
    """Go through one job of each request, then another; requests are read only at their turn."""
    begun = []
    for request in requests:
        jobs = zip(repeat(request), request.jobs)
        yield next(jobs)
        begun.append(jobs)
    yield from roundrobin(*begun)
