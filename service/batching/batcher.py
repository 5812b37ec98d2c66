"""The batcher: many callers, one worker thread.

Generic: it knows jobs with a cost, and kinds of jobs that can share a batch. Its contract:

- It never waits while there are jobs. What has queued up while a step ran joins the next.
- A batch has a bounded cost, unless one job alone has more. It is filled in turns: clients take
  turns, within a client its requests, within a request its jobs, oldest first. So a flood from one
  client does not starve another, nor a large request a small one.
- Admission is bounded by the cost of all that waits; beyond it, jobs are refused at once.
- A request that is cancelled leaves the queue before it runs.
- A job that goes wrong fails alone: its request fails, and no other. When a step goes wrong, the
  jobs of the batch are done again, each in a batch of its own, and those fail that fail there,
  whatever it is that was raised: a panic in a library is no Exception. The thread goes on. Should
  it die of something else, all that waits fails: nobody hangs.
- Once closed it takes nothing new and finishes what it has, or fails it when the time is over.

A batch is not a fixed set: as long as its kind allows, jobs leave it when they are done, and
others join between two steps (continuous batching).

All that is shared is guarded by one lock, which is held for no longer than it takes to fill a
batch. Results reach the event loop's futures through `call_soon_threadsafe`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from itertools import starmap
from typing import Any

from conveyor.service.batching.batch_runner import BatchRunner
from conveyor.service.batching.errors import Closed, Full, TooCostly
from conveyor.service.batching.fair_queue import FairQueue
from conveyor.service.batching.protocols import JobKind, JobT, Observer
from conveyor.service.batching.request import Job, Request, Timed
from conveyor.service.batching.throughput import Throughput
from conveyor.service.batching.worker_thread import WorkerThread


class Batcher:
    """Does the jobs of requests on a thread of its own.

    ``batch_cost`` bounds what is under way, ``queue_cost`` what waits. ``prepare`` is run on the
    thread before all else.
    """

    def __init__(
        self,
        name: str,
        batch_cost: int,
        queue_cost: int,
        observer: Observer | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._queue_cost = queue_cost
        self._observer = observer or Observer()
        self._prepare = prepare
        self._queue = FairQueue()
        self._throughput = Throughput()
        self._runner = BatchRunner(self._queue, batch_cost, self._observer, self._throughput)
        self._thread: WorkerThread | None = None

    def start(self) -> None:
        """Take jobs from now on."""
        self._queue.closed = False
        self._thread = WorkerThread(self._name, self._queue, self._runner, self._prepare)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """True while jobs are taken, and done."""
        return not self._queue.closed and self.running

    @property
    def running(self) -> bool:
        """True while its thread lives."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def died(self) -> bool:
        """True once its thread has ended without having been told to."""
        return self._thread is not None and self._thread.died

    async def close(self, seconds: float) -> None:
        """Take nothing new; finish what is there, and after so many seconds fail the rest."""
        with self._queue.changed:
            self._queue.closed = True
            self._queue.changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, seconds)
        self._runner.fail_all()

    def check(self, cost: float) -> None:
        """Raise Full or Closed if jobs of this cost would not be taken now.

        Where nothing waits there is room: `submit` tells if the jobs are too costly.
        """
        if not self.ready:
            raise Closed
        if self._queue.cost and self._queue.cost + cost > self._queue_cost:
            raise Full(self._throughput.seconds_for(self._queue.cost))

    def submit(
        self, client: Hashable, kind: JobKind[JobT], jobs: Sequence[JobT], costs: Sequence[int]
    ) -> Coroutine[Any, Any, Timed[Any]]:
        """Take jobs, at least one, whose results, in their order, are to be awaited.

        Raises Full, TooCostly or Closed if they are not taken. Who awaits gets Failed, Closed or
        the error of a job if something goes wrong later; and whoever cancels the waiting takes
        out of the queue what has not run yet.
        """
        return self._result(self._admit(client, kind, jobs, costs))

    async def _result(self, request: Request) -> Timed[Any]:
        try:
            return await request.future
        finally:
            self._forget(request)

    def _admit(
        self, client: Hashable, kind: JobKind[JobT], jobs: Sequence[JobT], costs: Sequence[int]
    ) -> Request:
        loop = asyncio.get_running_loop()
        cost = sum(costs)
        if cost > self._queue_cost:
            raise TooCostly
        request = Request(
            client=client,
            kind=kind,
            jobs=deque(starmap(Job, zip(range(len(jobs)), jobs, costs, strict=True))),
            results=[None] * len(jobs),
            missing=len(jobs),
            loop=loop,
            future=loop.create_future(),
            submitted=time.perf_counter(),
        )
        with self._queue.changed:
            if not self.ready:
                raise Closed
            if self._queue.cost + cost > self._queue_cost:
                raise Full(self._throughput.seconds_for(self._queue.cost))
            self._queue.add(request)
            self._observer.queue(self._queue.cost, self._queue.jobs)
            self._queue.changed.notify()
        return request

    def _forget(self, request: Request) -> None:
        """Take out of the queue what nobody waits for any more."""
        with self._queue.changed:
            request.over = True
            dropped = self._queue.remove(request)
            if dropped:
                self._observer.queue(self._queue.cost, self._queue.jobs)
        if dropped:
            self._observer.dropped(dropped)
