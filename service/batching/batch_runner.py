"""The batch under way: what joins it, its steps, and what becomes of its jobs if a step fails."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from conveyor.service.batching.delivery import Outcome, deliver
from conveyor.service.batching.errors import Closed, Failed
from conveyor.service.batching.fair_queue import FairQueue
from conveyor.service.batching.protocols import Batch, JobKind, Observer, StepResult
from conveyor.service.batching.request import TakenJob
from conveyor.service.batching.throughput import Throughput

logger = logging.getLogger("conveyor.batcher")


@dataclass
class RunningBatch:
    """A batch with the jobs in it, by their numbers."""

    kind: JobKind[Any]
    batch: Batch[Any]
    jobs: dict[int, TakenJob] = field(default_factory=dict)
    last_number: int = 0

    @property
    def cost(self) -> int:
        """The cost of the jobs in it."""
        return sum(taken.job.cost for taken in self.jobs.values())

    @property
    def alone(self) -> bool:
        """True if its job has it for itself."""
        return any(taken.alone for taken in self.jobs.values())

    def add(self, taken: TakenJob) -> tuple[int, Any]:
        """Number a job, and enter it; the batch itself has yet to take it on."""
        self.last_number += 1
        self.jobs[self.last_number] = taken
        return self.last_number, taken.job.content

    def step(self) -> StepResult:
        """Do a step. Raises RuntimeError if jobs appear in it from nowhere, or are lost in it."""
        stepped = self.batch.step()
        if not stepped.finished.keys() <= self.jobs.keys():
            raise RuntimeError("Something was finished that was not under way.")
        if len(self.batch) + len(stepped.finished) != len(self.jobs):
            raise RuntimeError("Of some jobs there is neither a result nor more to come.")
        return stepped


class BatchRunner:
    """Runs one batch after another, of what it takes out of the queue.

    ``batch_cost`` bounds what is under way. All methods are called by one thread, but for
    `fail_all`.
    """

    def __init__(
        self, queue: FairQueue, batch_cost: int, observer: Observer, throughput: Throughput
    ) -> None:
        self._queue = queue
        self._batch_cost = batch_cost
        self._observer = observer
        self._throughput = throughput
        self._running: RunningBatch | None = None
        self._joining: list[TakenJob] = []  # neither in the queue nor in the batch
        self._retries: deque[TakenJob] = deque()  # to be done one by one, before all that waits
        self._outcomes: list[Outcome] = []  # known, and not yet delivered

    @property
    def idle(self) -> bool:
        """True if nothing is under way, nor to be done again."""
        return not (self._running or self._joining or self._retries)

    def take(self) -> bool:
        """Take out of the queue, which is locked, what joins the batch; False if there is no batch.

        The batch is the one under way, or begins with what is taken.
        """
        if not (self._running and (self._retries or self._running.alone)):
            self._joining = self._next_retry()
            if not self._joining:
                self._take_waiting()
        return bool(self._joining or self._running)

    def _next_retry(self) -> list[TakenJob]:
        while self._retries:
            taken = self._retries.popleft()
            if not taken.request.over:
                return [taken]
        return []

    def _take_waiting(self) -> None:
        running = self._running
        kind, cost = (running.kind, running.cost) if running else (None, 0)
        self._joining = self._queue.next_jobs(kind, cost, self._batch_cost)
        if self._joining:
            self._queue.take(self._joining)
            self._observer.queue(self._queue.cost, self._queue.jobs)

    def prepare(self) -> None:
        """Let what was taken join the batch, and do what comes before its next step."""
        if self._joining:
            self._join(self._joining)
            self._joining = []
        if self._running is None:
            return
        try:
            self._running.batch.prepare()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(self._running.kind, error)

    def _join(self, joining: Sequence[TakenJob]) -> None:
        now = time.perf_counter()
        kind = joining[0].request.kind
        try:
            running = self._running or RunningBatch(kind, kind.begin())
            self._running = running
            numbered = []
            for taken in joining:
                if taken.request.joined is None:
                    taken.request.joined = now
                if not taken.alone:
                    self._observer.joined(kind.name, now - taken.request.submitted)
                numbered.append(running.add(taken))
            running.batch.add(numbered)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(kind, error)

    def step(self) -> None:
        """Do a step of the batch under way, if there is one."""
        running = self._running
        if running is None:  # what was to join, or to be prepared, has failed
            return
        jobs = len(running.jobs)
        started = time.perf_counter()
        try:
            stepped = running.step()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(running.kind, error)
            return
        seconds = time.perf_counter() - started
        self._observer.step(running.kind.name, jobs, stepped, seconds)
        done = [(running.jobs.pop(number), r) for number, r in stepped.finished.items()]
        if not running.jobs:
            self._running = None
        self._throughput.add(sum(taken.job.cost for taken, _ in done), seconds)
        for taken, result in done:
            taken.request.results[taken.job.position] = result
            taken.request.missing -= 1
        now = time.perf_counter()
        for request in dict.fromkeys(taken.request for taken, _ in done):
            failure = request.failure
            if failure or not request.missing:
                self._outcomes.append((request, failure or request.timed(now)))

    def deliver(self) -> None:
        """Deliver the outcomes that are known."""
        outcomes, self._outcomes = self._outcomes, []
        deliver(outcomes)

    def fail_all(self) -> None:
        """Fail what waits and what is under way with Closed; on any thread."""
        with self._queue.changed:
            waiting = self._queue.requests
        self.deliver()
        under_way = [taken.request for taken in [*self._in_batch(), *self._retries]]
        deliver([(request, Closed()) for request in dict.fromkeys([*waiting, *under_way])])
        with self._queue.changed:
            dropped = sum(self._queue.remove(request) for request in waiting)
            if dropped:
                self._observer.queue(self._queue.cost, self._queue.jobs)
        if dropped:
            self._observer.dropped(dropped)

    def _fail_batch(self, kind: JobKind[Any], error: BaseException) -> None:
        """Let each job of the batch be done by itself; one that was by itself fails its request."""
        jobs = self._in_batch()
        self._running, self._joining = None, []
        if len(jobs) > 1:
            logger.warning(
                "A step of %s failed: its %d jobs are done one by one",
                kind.name,
                len(jobs),
                exc_info=error,
            )
            self._retries.extend(taken._replace(alone=True) for taken in jobs)
            return
        logger.error("A step of %s failed", kind.name, exc_info=error)
        deliver([(taken.request, _failed(error)) for taken in jobs])

    def _in_batch(self) -> list[TakenJob]:
        """List the jobs of the batch under way, and those about to join it, each once."""
        running = list(self._running.jobs.values()) if self._running else []
        return list({id(taken): taken for taken in [*running, *self._joining]}.values())


def _failed(cause: BaseException) -> Failed:
    failed = Failed()
    failed.__cause__ = cause
    return failed
