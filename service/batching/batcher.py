"""The batcher: many callers, one thread that works.

Generic: it knows works with a cost, and kinds of work that can share a batch. What it keeps:

- It never waits while there is work. What has queued up while a step ran joins the next.
- A batch has a bounded cost, unless one work alone has more. It is filled in turns: clients take
  turns, within a client its requests, within a request its works, oldest first. So a flood from one
  client does not starve another, nor a large request a small one.
- Admission is bounded by the cost of all that waits; beyond it, work is refused at once.
- A request that is cancelled leaves the queue before it runs.
- A work that goes wrong fails alone: its request fails, and no other. When a step goes wrong, the
  works of the batch are done again, each in a batch of its own, and those fail that fail there,
  whatever it is that was raised: a panic in a library is no Exception. The thread goes on. Should
  it die of something else, all that waits fails: nobody hangs.
- Once closed it takes nothing new and finishes what it has, or fails it when the time is over.

A batch is not a fixed set: as long as its kind allows, works leave it when they are done, and
others join between two steps (continuous batching).

All that is shared is guarded by one lock, which is held for no longer than it takes to fill a
batch. Results reach the event loop's futures through `call_soon_threadsafe`.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from more_itertools import roundrobin

logger = logging.getLogger("conveyor.batcher")

WorkT = TypeVar("WorkT")
WorkT_contra = TypeVar("WorkT_contra", contravariant=True)
ResultT = TypeVar("ResultT")

# How much of the steps before a step leaves in memory, for the rate: some twenty are remembered.
DECAY = 0.95


class Full(Exception):
    """As much waits as may wait, and will for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The queue is full for {seconds:.3f} seconds.")
        self.seconds = seconds


class TooCostly(Exception):
    """The request alone costs more than may ever wait."""


class Closed(Exception):
    """The batcher takes no work, or it ended before this work was done."""


class Failed(Exception):
    """A step with this work, and with no other, went wrong. The cause is the error."""


class StepResult(NamedTuple):
    """What a step did."""

    finished: Mapping[int, Any]  # the number of each work that is done: its result, or an Exception
    worked: int = 0  # in whatever unit the kind counts
    wasted: int = 0  # beside it, in the same unit


class Batch(Protocol[WorkT_contra]):
    """Works under way, each with a number."""

    def __len__(self) -> int:
        """How many there are."""

    def add(self, works: Sequence[tuple[int, WorkT_contra]]) -> None:
        """Take these on."""

    def prepare(self) -> None:
        """Do what can be done of the next step before it begins; at least one work is under way."""

    def step(self) -> StepResult:
        """Go on for a bounded time; at least one work is under way."""


class SingleStepBatch(Generic[WorkT]):
    """A batch of works that are done together, all in one step."""

    def __init__(self, run: Callable[[list[WorkT]], StepResult]) -> None:
        """``run`` numbers what it finished by the places in its list."""
        self._run = run
        self._works: list[tuple[int, WorkT]] = []

    def __len__(self) -> int:
        return len(self._works)

    def add(self, works: Sequence[tuple[int, WorkT]]) -> None:
        """Let these be done in the next step."""
        self._works.extend(works)

    def prepare(self) -> None:
        """There is nothing to do beforehand."""

    def step(self) -> StepResult:
        """Do all of them."""
        numbers, works = zip(*self._works, strict=True)
        stepped = self._run(list(works))
        self._works = []
        finished = {numbers[place]: result for place, result in stepped.finished.items()}
        return stepped._replace(finished=finished)


class Kind(Protocol[WorkT_contra]):
    """What works must have in common to share a batch. Equal kinds are one kind."""

    @property
    def name(self) -> str:
        """By which observers know it."""

    def begin(self) -> Batch[WorkT_contra]:
        """An empty batch."""


class Observer:
    """Who is told what happens, on whichever thread it happens. This one does not care."""

    def queue(self, cost: int, works: int) -> None:
        """So much waits now."""

    def joined(self, kind: str, waited: float) -> None:
        """A work that has waited so many seconds is under way."""

    def step(self, kind: str, works: int, stepped: StepResult, seconds: float) -> None:
        """A step with so many works has been done."""

    def dropped(self, works: int) -> None:
        """So many works left the queue before they ran."""


@dataclass(frozen=True)
class Timed(Generic[ResultT]):
    """The results of a request, in its order; how long it waited and how long it ran, in s."""

    results: list[ResultT]
    queued: float
    ran: float


@dataclass(eq=False)
class _Request:
    """The works of one caller, on their way."""

    client: Hashable
    kind: Kind[Any]
    works: deque[tuple[int, Any, int]]  # that still wait: index, work, cost
    results: list[Any]
    missing: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Timed[Any]]"
    submitted: float
    joined: float | None = None
    over: bool = False  # nobody waits for it any more


class _Taken(NamedTuple):
    """A work that has had its turn."""

    request: _Request
    number: int  # among the request's works
    work: Any
    cost: int
    again: bool = False  # its batch went wrong, so it has one of its own


@dataclass
class _Running:
    """The batch under way."""

    kind: Kind[Any]
    batch: Batch[Any]
    works: dict[int, _Taken] = field(default_factory=dict)

    @property
    def cost(self) -> int:
        return sum(one.cost for one in self.works.values())

    @property
    def alone(self) -> bool:
        return any(one.again for one in self.works.values())


class Batcher:
    """Works off requests on a thread of its own.

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
        self._batch_cost = batch_cost
        self._queue_cost = queue_cost
        self._observer = observer or Observer()
        self._prepare = prepare
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        # Client: its requests, both in the order of their turns.
        self._waiting: dict[Hashable, dict[_Request, None]] = {}
        self._waiting_cost = 0
        self._waiting_works = 0
        self._running: _Running | None = None
        self._joining: list[_Taken] = []  # neither in the queue nor in the batch
        self._again: deque[_Taken] = deque()  # to be done each for itself, before all that waits
        self._outcomes: list[tuple[_Request, Any]] = []  # known, and not yet told
        self._numbers = 0
        self._done = 0.0  # cost of the last steps' finished works
        self._busy = 0.0  # seconds of these steps
        self._closed = True
        self._died = False

    def start(self) -> None:
        """Take work from now on."""
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether work is taken, and worked off."""
        return not self._closed and self.running

    @property
    def running(self) -> bool:
        """Whether its thread lives."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def died(self) -> bool:
        """Whether its thread has ended without having been told to."""
        return self._died

    async def close(self, seconds: float) -> None:
        """Take nothing new; finish what is there, and after so many seconds fail the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, seconds)
        self._fail_all()

    def check(self, cost: float) -> None:
        """Raise Full or Closed if work of this cost would not be taken now.

        Where nothing waits there is room: whether the work is too costly, `submit` will know.
        """
        if not self.ready:
            raise Closed
        if self._waiting_cost and self._waiting_cost + cost > self._queue_cost:
            raise Full(self._seconds_to_work_off())

    def submit(
        self, client: Hashable, kind: Kind[WorkT], works: Sequence[WorkT], costs: Sequence[int]
    ) -> Coroutine[Any, Any, Timed[Any]]:
        """Take works, at least one, whose results, in their order, are to be awaited.

        Raises Full, TooCostly or Closed if they are not taken. Who awaits gets Failed, Closed or
        the error of a work if something goes wrong later; and whoever cancels the waiting takes
        out of the queue what has not run yet.
        """
        return self._result(self._admit(client, kind, works, costs))

    async def _result(self, request: _Request) -> Timed[Any]:
        try:
            return await request.future
        finally:
            self._forget(request)

    def _admit(
        self, client: Hashable, kind: Kind[WorkT], works: Sequence[WorkT], costs: Sequence[int]
    ) -> _Request:
        loop = asyncio.get_running_loop()
        cost = sum(costs)
        if cost > self._queue_cost:
            raise TooCostly
        request = _Request(
            client=client,
            kind=kind,
            works=deque(zip(range(len(works)), works, costs, strict=True)),
            results=[None] * len(works),
            missing=len(works),
            loop=loop,
            future=loop.create_future(),
            submitted=time.perf_counter(),
        )
        with self._changed:
            if not self.ready:
                raise Closed
            if self._waiting_cost + cost > self._queue_cost:
                raise Full(self._seconds_to_work_off())
            self._waiting.setdefault(client, {})[request] = None
            self._count(cost, len(works))
            self._changed.notify()
        return request

    def _forget(self, request: _Request) -> None:
        """Take out of the queue what nobody waits for any more."""
        with self._changed:
            request.over = True
            dropped = self._remove(request)
        if dropped:
            self._observer.dropped(dropped)

    def _remove(self, request: _Request) -> int:
        dropped = len(request.works)
        if dropped:
            self._count(-sum(cost for _, _, cost in request.works), -dropped)
            request.works.clear()
            self._leave(request)
        return dropped

    def _leave(self, request: _Request) -> None:
        requests = self._waiting[request.client]
        del requests[request]
        if not requests:
            del self._waiting[request.client]

    def _count(self, cost: int, works: int) -> None:
        self._waiting_cost += cost
        self._waiting_works += works
        self._observer.queue(self._waiting_cost, self._waiting_works)

    def _seconds_to_work_off(self) -> float:
        """How long what waits will take, at the rate of the last steps."""
        return self._waiting_cost * self._busy / self._done if self._done else 1.0

    # What follows runs on the thread.

    def _serve(self) -> None:
        try:
            self._prepare()
            while self._fill():
                self._step()
        except BaseException:
            self._died = True
            logger.exception("The thread %r has died", self._name)
        finally:
            self._closed = True
            self._fail_all()

    def _fill(self) -> bool:
        """Wait for work, and let what can join the batch; False when all is done for good."""
        if not (self._running or self._again or self._waiting):
            self._deliver()
        with self._changed:
            while not (self._running or self._again or self._waiting or self._closed):
                self._changed.wait()
            taken = self._take()
        if not (taken or self._running):
            return not self._closed
        if taken:
            self._join(taken)
            self._joining = []
        # Not before the next step is all but under way: an answer wakes the event loop, which would
        # take the interpreter away from putting the batch together, while the model stands still.
        self._get_ready()
        self._deliver()
        return True

    def _take(self) -> list[_Taken]:
        """Take out of the queue what joins the batch under way, or begins one."""
        if self._running and (self._again or self._running.alone):
            return []
        while self._again:
            one = self._again.popleft()
            if not one.request.over:
                self._joining = [one]
                return [one]
        kind = self._running.kind if self._running else None
        cost = self._running.cost if self._running else 0
        taken: list[_Taken] = []
        for request, (number, work, own) in self._turns():
            kind = request.kind if kind is None else kind
            # Whoever's turn it is waits for the batch to end, rather than be passed by for ever.
            if request.kind != kind or (cost and cost + own > self._batch_cost):
                break
            cost += own
            taken.append(_Taken(request, number, work, own))
        self._joining = taken
        for one in taken:
            one.request.works.popleft()
        for request in dict.fromkeys(one.request for one in taken):
            self._to_the_end(request)
        if taken:
            self._count(-sum(one.cost for one in taken), -len(taken))
        return taken

    def _turns(self) -> Iterator[tuple[_Request, tuple[int, Any, int]]]:
        """All that waits, in the order in which it should run."""
        return roundrobin(*map(_rounds, self._waiting.values()))

    def _to_the_end(self, request: _Request) -> None:
        """Whoever has had a turn comes after those who have not."""
        requests = self._waiting[request.client]
        self._leave(request)
        if request.works:
            requests[request] = None
        if requests:
            self._waiting.pop(request.client, None)
            self._waiting[request.client] = requests

    def _join(self, taken: Sequence[_Taken]) -> None:
        now = time.perf_counter()
        kind = taken[0].request.kind
        try:
            running = self._running or _Running(kind, kind.begin())
            self._running = running
            works = []
            for one in taken:
                if one.request.joined is None:
                    one.request.joined = now
                if not one.again:
                    self._observer.joined(kind.name, now - one.request.submitted)
                self._numbers += 1
                running.works[self._numbers] = one
                works.append((self._numbers, one.work))
            running.batch.add(works)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(kind, error)

    def _get_ready(self) -> None:
        if self._running is None:
            return
        try:
            self._running.batch.prepare()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(self._running.kind, error)

    def _step(self) -> None:
        running = self._running
        if running is None:  # what was to join, or to be prepared, has failed
            return
        works = len(running.works)
        started = time.perf_counter()
        try:
            stepped = running.batch.step()
            _check(stepped, running)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is this batch's alone
            self._fail_batch(running.kind, error)
            return
        seconds = time.perf_counter() - started
        self._observer.step(running.kind.name, works, stepped, seconds)
        done = [(running.works.pop(number), r) for number, r in stepped.finished.items()]
        if not running.works:
            self._running = None
        self._done = DECAY * self._done + sum(one.cost for one, _ in done)
        self._busy = DECAY * self._busy + seconds
        for one, result in done:
            one.request.results[one.number] = result
            one.request.missing -= 1
        ends = dict.fromkeys(one.request for one, _ in done)
        now = time.perf_counter()
        for request in ends:
            if not request.missing or _error(request):
                joined = request.joined or now
                timed = Timed(request.results, joined - request.submitted, now - joined)
                self._outcomes.append((request, _error(request) or timed))

    def _deliver(self) -> None:
        """Tell those whose outcome is known."""
        outcomes, self._outcomes = self._outcomes, []
        _tell(outcomes)

    def _fail_batch(self, kind: Kind[Any], error: BaseException) -> None:
        """Let each work of the batch be done for itself; one that was, fails its request."""
        works = self._in_batch()
        self._running, self._joining = None, []
        if len(works) > 1:
            logger.warning(
                "A step of %s failed: its %d works are done one by one",
                kind.name,
                len(works),
                exc_info=error,
            )
            self._again.extend(one._replace(again=True) for one in works)
            return
        logger.error("A step of %s failed", kind.name, exc_info=error)
        _tell([(one.request, _failed(error)) for one in works])

    def _fail_all(self) -> None:
        """Fail what waits and what is under way."""
        with self._changed:
            waiting = [request for requests in self._waiting.values() for request in requests]
        self._deliver()
        _tell([(r, Closed()) for r in dict.fromkeys([*waiting, *self._under_way()])])
        with self._changed:
            dropped = sum(self._remove(request) for request in waiting)
        if dropped:
            self._observer.dropped(dropped)

    def _under_way(self) -> Iterable[_Request]:
        """Those of whom something has left the queue and is not done."""
        return dict.fromkeys(one.request for one in [*self._in_batch(), *self._again])

    def _in_batch(self) -> list[_Taken]:
        """The works of the batch under way, and those that are about to join it."""
        running = list(self._running.works.values()) if self._running else []
        return list({id(one): one for one in [*running, *self._joining]}.values())


def _rounds(
    requests: Iterable[_Request],
) -> Iterator[tuple[_Request, tuple[int, Any, int]]]:
    """One work of each request, then another; a request is looked at when it is its turn."""
    begun = []
    for request in requests:
        works = zip(repeat(request), request.works)
        yield next(works)
        begun.append(works)
    yield from roundrobin(*begun)


def _check(stepped: StepResult, running: _Running) -> None:
    """Raise if works came out of nowhere, or went there."""
    if not stepped.finished.keys() <= running.works.keys():
        raise RuntimeError("Something was finished that was not under way.")
    if len(running.batch) + len(stepped.finished) != len(running.works):
        raise RuntimeError("Of some works there is neither a result nor more to come.")


def _error(request: _Request) -> Exception | None:
    """What went wrong with a work of the request."""
    return next((result for result in request.results if isinstance(result, Exception)), None)


def _failed(cause: BaseException) -> Failed:
    failed = Failed()
    failed.__cause__ = cause
    return failed


def _tell(outcomes: Sequence[tuple[_Request, Any]]) -> None:
    """Tell the callers, on their event loops, each of which is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Request, Any]]] = {}
    for request, outcome in outcomes:
        if not request.over:
            by_loop.setdefault(request.loop, []).append((request, outcome))
    for loop, told in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, told)
        except RuntimeError:  # the loop is closed, and nobody is left to be told
            logger.debug("An answer came after the end of its event loop")


def _resolve(outcomes: Sequence[tuple[_Request, Any]]) -> None:
    for request, outcome in outcomes:
        if request.future.done():
            continue
        if isinstance(outcome, Exception):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)
