"""The batcher's contract, one clause a test; nothing here waits for a clock."""

import asyncio
import queue
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batching.batcher import (
    Batcher,
    Closed,
    Failed,
    Full,
    Observer,
    SingleStepBatch,
    StepResult,
    Timed,
    TooCostly,
)

PATIENCE = 300  # seconds, for what should happen at once


@dataclass(frozen=True)
class Held:
    """A kind of work that stops before every step until it is told to go on; it echoes."""

    name: str = "held"
    steps: "queue.SimpleQueue[list[Any]]" = field(default_factory=queue.SimpleQueue, compare=False)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), compare=False)

    def begin(self) -> SingleStepBatch[Any]:
        return SingleStepBatch(self._run)

    def _run(self, works: Sequence[Any]) -> StepResult:
        self.steps.put(list(works))
        assert self.go.acquire(timeout=PATIENCE)
        for work in works:
            if isinstance(work, BaseException) and not isinstance(work, ValueError):
                raise work
        return StepResult(dict(enumerate(works)), worked=len(works))

    async def started(self) -> list[Any]:
        """The works of the next step, once it has begun."""
        return await asyncio.to_thread(self.steps.get, timeout=PATIENCE)


class Countdown:
    """A kind in which each work is a number of steps: they come and go."""

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

    def add(self, works: Sequence[tuple[int, int]]) -> None:
        self.left.update(works)

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
        self.dropped_works = 0
        self.steps: list[tuple[str, int, int, int]] = []

    def queue(self, cost: int, works: int) -> None:
        self.waiting = (cost, works)

    def dropped(self, works: int) -> None:
        self.dropped_works += works

    def step(self, kind: str, works: int, stepped: StepResult, seconds: float) -> None:
        assert seconds > 0
        self.steps.append((kind, works, stepped.worked, stepped.wasted))


@contextmanager
def running(
    batch_cost: int = 10, queue_cost: int = 100, observer: Observer | None = None
) -> Iterator[Batcher]:
    batcher = Batcher("test", batch_cost, queue_cost, observer)
    batcher.start()
    yield batcher


def send(
    batcher: Batcher, kind: Any, *works: Any, client: str = "a", cost: int = 1
) -> "asyncio.Task[Timed[Any]]":
    """Submit now; the task has the answer."""
    waiting = batcher.submit(client, kind, works, [cost] * len(works))
    return asyncio.create_task(waiting)


def test_it_starts_at_once_and_what_has_queued_up_is_the_next_batch() -> None:
    async def main() -> None:
        held = Held()
        with running() as batcher:
            first = send(batcher, held, 1)
            assert await held.started() == [1]
            others = [send(batcher, held, number) for number in (2, 3, 4)]
            held.go.release(2)
            assert await held.started() == [2, 3, 4]
            answers = await asyncio.gather(first, *others)
            assert [answer.results for answer in answers] == [[1], [2], [3], [4]]

    asyncio.run(main())


def test_a_batch_is_bounded_by_cost_and_filled_oldest_first() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=10) as batcher:
            blocker = send(batcher, held, 0)
            await held.started()
            waiting = [send(batcher, held, number, cost=4) for number in range(1, 6)]
            held.go.release(4)
            assert [await held.started() for _ in range(3)] == [[1, 2], [3, 4], [5]]
            await asyncio.gather(blocker, *waiting)

    asyncio.run(main())


def test_what_alone_costs_more_than_a_batch_runs_alone() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=10) as batcher:
            blocker = send(batcher, held, 0)
            await held.started()
            waiting = [send(batcher, held, 1), send(batcher, held, 2, cost=50)]
            waiting.append(send(batcher, held, 3))
            held.go.release(4)
            assert [await held.started() for _ in range(3)] == [[1], [2], [3]]
            await asyncio.gather(blocker, *waiting)

    asyncio.run(main())


def test_clients_take_turns() -> None:
    """A flood of requests from one client does not starve another's single one."""

    async def main() -> None:
        held = Held()
        with running(batch_cost=3) as batcher:
            blocker = send(batcher, held, "blocker")
            await held.started()
            flood = [send(batcher, held, f"flood {number}") for number in range(9)]
            small = send(batcher, held, "small", client="b")
            held.go.release(5)
            assert await held.started() == ["flood 0", "small", "flood 1"]
            assert await held.started() == ["flood 2", "flood 3", "flood 4"]
            await asyncio.gather(blocker, small, *flood)

    asyncio.run(main())


def test_who_has_had_a_turn_comes_after_those_who_have_not() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=2) as batcher:
            blocker = send(batcher, held, "blocker")
            await held.started()
            names = ("a", "b", "c")
            waiting = [send(batcher, held, *([name] * 2), client=name) for name in names]
            held.go.release(4)
            batches = [await held.started() for _ in range(3)]
            assert batches == [["a", "b"], ["c", "a"], ["b", "c"]]
            await asyncio.gather(blocker, *waiting)

    asyncio.run(main())


def test_a_client_s_requests_take_turns() -> None:
    """A request with many works does not starve a small one of the same client."""

    async def main() -> None:
        held = Held()
        with running(batch_cost=4) as batcher:
            large = send(batcher, held, *range(10))
            assert await held.started() == [0, 1, 2, 3]
            small = send(batcher, held, "small")
            held.go.release(3)
            assert await held.started() == [4, "small", 5, 6]
            assert await held.started() == [7, 8, 9]
            assert (await large).results == list(range(10))
            assert (await small).results == ["small"]

    asyncio.run(main())


def test_a_full_queue_refuses_at_once_and_says_for_how_long() -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(queue_cost=10, observer=recorder) as batcher:
            first = send(batcher, held, 1, cost=10)
            await held.started()
            batcher.check(11)  # nothing waits: `submit` will say that it is too costly
            second = send(batcher, held, 2, cost=8)
            batcher.check(2)
            with pytest.raises(Full):
                batcher.check(3)
            with pytest.raises(Full) as unknown:
                send(batcher, held, 3, cost=3)
            assert unknown.value.seconds == 1.0  # nothing has been measured yet
            third = send(batcher, held, 4, cost=2)
            with pytest.raises(Full):
                batcher.check(1)
            assert recorder.waiting == (10, 2)
            held.go.release()
            assert (await first).results == [1]
            await held.started()
            fourth = send(batcher, held, 5, cost=10)
            with pytest.raises(Full) as measured:
                batcher.check(1)
            # 10 wait, and 10 were worked off in the one step that was measured.
            assert measured.value.seconds == pytest.approx(batcher._busy)
            held.go.release(2)
            await asyncio.gather(second, third, fourth)
            assert recorder.waiting == (0, 0)

    asyncio.run(main())


def test_what_could_never_wait_is_told_so() -> None:
    async def main() -> None:
        with running(queue_cost=10) as batcher, pytest.raises(TooCostly):
            send(batcher, Held(), 1, 2, cost=6)

    asyncio.run(main())


def test_the_cancelled_are_dropped_before_they_run() -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(batch_cost=2, observer=recorder) as batcher:
            first = send(batcher, held, 0)
            await held.started()
            gone = send(batcher, held, "gone", "gone too", client="b")
            stays = send(batcher, held, 1)
            await asyncio.sleep(0)  # let them begin to wait
            gone.cancel()
            await asyncio.wait([gone])
            assert gone.cancelled()
            assert recorder.waiting == (1, 1)
            assert recorder.dropped_works == 2
            held.go.release(2)
            assert await held.started() == [1]
            await asyncio.gather(first, stays)

    asyncio.run(main())


def test_who_is_cancelled_while_it_runs_disturbs_nobody() -> None:
    async def main() -> None:
        held = Held()
        with running() as batcher:
            blocker = send(batcher, held, 0)
            await held.started()
            gone, stays = send(batcher, held, 1), send(batcher, held, 2)
            held.go.release()
            assert await held.started() == [1, 2]
            gone.cancel()
            await asyncio.wait([gone])
            held.go.release()
            assert (await stays).results == [2]
            await blocker
            last = send(batcher, held, 3)
            held.go.release()
            assert (await last).results == [3]

    asyncio.run(main())


def test_a_bad_work_fails_its_request_alone() -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(batch_cost=3, observer=recorder) as batcher:
            blocker = send(batcher, held, 0)
            await held.started()
            bad = send(batcher, held, ValueError("bad"), 1, 2, 3)  # echoed as its result
            good = send(batcher, held, "good")
            held.go.release(5)
            with pytest.raises(ValueError, match="bad"):
                await bad
            assert (await good).results == ["good"]
            await blocker
            assert (await send(batcher, held, "after")).results == ["after"]
            assert recorder.waiting == (0, 0)

    asyncio.run(main())


@dataclass(frozen=True)
class Broken:
    """A kind whose step reports what it never was given, or less than it was given."""

    finished: tuple[tuple[int, Any], ...]
    works: int
    name: str = "broken"

    def begin(self) -> "Broken":
        if self.name == "no beginning":
            raise ZeroDivisionError
        return self

    def __len__(self) -> int:
        return self.works

    def add(self, works: Sequence[tuple[int, Any]]) -> None:
        if not self.finished and not self.works:
            raise ZeroDivisionError(works)

    def prepare(self) -> None:
        if self.name == "no preparation":
            raise ZeroDivisionError

    def step(self) -> StepResult:
        return StepResult(dict(self.finished))


@pytest.mark.parametrize(
    "broken",
    [
        Broken(((999, "whose?"),), works=1),
        Broken(((1, "mine"),), works=1),
        Broken(((1, "mine"), (2, "hers")), works=1),
        Broken((), works=0),
        Broken((), works=3),
        Broken((), works=1, name="no beginning"),
        Broken((), works=1, name="no preparation"),
    ],
)
def test_a_wrong_count_fails_its_batch_and_the_next_one_works(broken: Broken) -> None:
    async def main() -> None:
        held = Held()
        held.go.release(9)
        with running() as batcher:
            waiting = send(batcher, broken, "one", "two")
            with pytest.raises(Failed):
                await asyncio.wait_for(waiting, PATIENCE)
            assert batcher.ready
            assert (await send(batcher, held, 1)).results == [1]

    asyncio.run(main())


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_that_fails_is_done_again_work_by_work(
    place: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(batch_cost=3, observer=recorder) as batcher:
            before = send(batcher, held, "before")
            await held.started()
            works: list[Any] = ["one", "two"]
            works.insert(place, ZeroDivisionError())
            tasks = [send(batcher, held, work) for work in works]
            after = send(batcher, held, "next batch")
            held.go.release(6)
            assert (await before).results == ["before"]
            assert await held.started() == works
            assert [await held.started() for _ in works] == [[work] for work in works]
            for task, work in zip(tasks, works, strict=True):
                if isinstance(work, str):
                    assert (await task).results == [work]
                    continue
                with pytest.raises(Failed) as error:
                    await task
                assert isinstance(error.value.__cause__, ZeroDivisionError)
            assert (await after).results == ["next batch"]
            assert recorder.waiting == (0, 0)

    asyncio.run(main())
    assert "A step of held failed: its 3 works are done one by one" in caplog.text


def test_of_a_step_that_fails_nothing_is_done_again_for_those_who_have_gone() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=3) as batcher:
            before = send(batcher, held, "before")
            await held.started()
            tasks = [send(batcher, held, work) for work in (ZeroDivisionError(), "one", "two")]
            held.go.release()
            await before
            await held.started()
            tasks[1].cancel()
            tasks[2].cancel()
            await asyncio.wait(tasks[1:])
            held.go.release(9)
            with pytest.raises(Failed):
                await tasks[0]
            assert (await send(batcher, held, "after")).results == ["after"]
            assert len(await held.started()) == 1  # the one that fails
            assert await held.started() == ["after"]
            assert batcher.ready

    asyncio.run(main())


def test_what_fails_before_a_step_while_nothing_joins_does_not_end_the_thread() -> None:
    class Once(SingleStepBatch[Any]):
        """Its second preparation fails."""

        def __init__(self) -> None:
            super().__init__(lambda works: StepResult(dict(enumerate(works))))
            self.prepared = 0

        def prepare(self) -> None:
            self.prepared += 1
            if self.prepared > 1:
                raise ZeroDivisionError

        def step(self) -> StepResult:
            return StepResult({}) if self.prepared == 1 else super().step()

    @dataclass(frozen=True)
    class Failing:
        name: str = "failing"

        def begin(self) -> Once:
            return Once()

    async def main() -> None:
        held = Held()
        held.go.release()
        with running() as batcher:
            with pytest.raises(Failed):
                await asyncio.wait_for(send(batcher, Failing(), 1), PATIENCE)
            assert batcher.ready
            assert (await send(batcher, held, "after")).results == ["after"]

    asyncio.run(main())


class Panic(BaseException):
    """What a library in Rust raises when it panics: no Exception."""


class Deadly:
    """A kind of work that raises somewhere."""

    name = "deadly"

    def __init__(self, where: str) -> None:
        self.where = where
        self.works: list[Any] = []

    def begin(self) -> "Deadly":
        self.die("begin")
        return self

    def __len__(self) -> int:
        return len(self.works)

    def add(self, works: Sequence[tuple[int, Any]]) -> None:
        self.works += works
        self.die("add")

    def prepare(self) -> None:
        self.die("prepare")

    def step(self) -> StepResult:
        self.die("step")
        raise AssertionError

    def die(self, here: str) -> None:
        if self.where == here:
            raise Panic


@pytest.mark.parametrize("where", ["begin", "add", "prepare", "step"])
def test_whatever_a_work_raises_the_thread_lives_on(where: str) -> None:
    async def main() -> None:
        with running() as batcher:
            for _ in range(2):
                with pytest.raises(Failed) as failed:
                    await asyncio.wait_for(send(batcher, Deadly(where), 1), PATIENCE)
                assert isinstance(failed.value.__cause__, Panic)
            held = Held()
            held.go.release()
            timed = await asyncio.wait_for(send(batcher, held, "fine"), PATIENCE)
            assert timed.results == ["fine"]
            assert (batcher.ready, batcher.died) == (True, False)

    asyncio.run(main())


# The observer raises once more while the thread ends, after all have been told.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("where", ["queue", "step"])
def test_if_the_thread_dies_nobody_hangs_and_it_is_not_ready(where: str) -> None:
    """Whoever is told of the queue is told by callers, too: it only fails on the thread."""

    class Failing(Observer):
        def queue(self, *_: object) -> None:
            self.die("queue")

        def step(self, *_: object) -> None:
            self.die("step")

        def die(self, here: str) -> None:
            if where == here and threading.current_thread() is not threading.main_thread():
                raise Panic

    async def main() -> None:
        held = Held()
        with running(batch_cost=1, observer=Failing()) as batcher:
            assert batcher.ready
            tasks = [send(batcher, held, number) for number in range(2)]
            held.go.release()
            for task in tasks:
                with pytest.raises(Closed):
                    await asyncio.wait_for(task, PATIENCE)
            assert (batcher.ready, batcher.died) == (False, True)
            with pytest.raises(Closed):
                batcher.check(1)
            with pytest.raises(Closed):
                send(batcher, held, "too late")

    asyncio.run(main())


def test_if_it_cannot_be_prepared_it_is_not_ready() -> None:
    def fail() -> None:
        raise MemoryError

    async def main() -> None:
        batcher = Batcher("test", 1, 1, prepare=fail)
        batcher.start()
        assert batcher._thread is not None
        await asyncio.to_thread(batcher._thread.join, PATIENCE)
        assert (batcher.ready, batcher.died) == (False, True)

    asyncio.run(main())


def test_closing_takes_nothing_new_and_finishes_what_is_there() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=1) as batcher:
            tasks = [send(batcher, held, number) for number in range(3)]
            await held.started()
            closing = asyncio.create_task(batcher.close(PATIENCE))
            await asyncio.sleep(0)
            with pytest.raises(Closed):
                send(batcher, held, "too late")
            assert not batcher.ready
            held.go.release(3)
            assert [task.results for task in await asyncio.gather(*tasks)] == [[0], [1], [2]]
            await closing

    asyncio.run(main())


def test_what_is_not_finished_in_time_fails() -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(batch_cost=1, observer=recorder) as batcher:
            runs, waits = send(batcher, held, 1), send(batcher, held, 2)
            await held.started()
            await batcher.close(0)
            for task in (runs, waits):
                with pytest.raises(Closed):
                    await asyncio.wait_for(task, PATIENCE)
            assert recorder.waiting == (0, 0)
            assert recorder.dropped_works == 1
            held.go.release()

    asyncio.run(main())


def test_it_takes_nothing_before_it_is_started() -> None:
    batcher = Batcher("test", 1, 1)
    assert not batcher.ready
    with pytest.raises(Closed):
        batcher.check(1)


def test_works_join_between_steps_and_leave_when_they_are_done() -> None:
    async def main() -> None:
        countdown = Countdown()
        with running(batch_cost=3) as batcher:
            long = send(batcher, countdown, 3)
            assert await countdown.started() == [3]
            short = send(batcher, countdown, 1)
            countdown.go.release()
            assert await countdown.started() == [1, 2]
            countdown.go.release()
            assert (await short).results == ["done"]
            assert not long.done()
            assert await countdown.started() == [1]
            more = [send(batcher, countdown, 1) for _ in range(3)]  # room for two
            countdown.go.release()
            assert (await long).results == ["done"]
            assert await countdown.started() == [1, 1, 1]
            countdown.go.release()
            await asyncio.gather(*more)

    asyncio.run(main())


def test_whoever_s_turn_it_is_waits_for_room_and_is_not_passed_by() -> None:
    async def main() -> None:
        countdown = Countdown()
        with running(batch_cost=4) as batcher:
            first = send(batcher, countdown, 2, cost=2)
            await countdown.started()
            large = send(batcher, countdown, 1, cost=4)
            small = send(batcher, countdown, 1, cost=1)
            countdown.go.release()
            assert await countdown.started() == [1]  # not the small one, which would have room
            countdown.go.release(3)
            await asyncio.gather(first, large, small)
            assert [await countdown.started() for _ in range(2)] == [[1], [1]]

    asyncio.run(main())


def test_another_kind_waits_for_the_batch_to_end_and_is_not_passed_by() -> None:
    async def main() -> None:
        countdown, held = Countdown(), Held()
        with running() as batcher:
            first = send(batcher, countdown, 2)
            await countdown.started()
            other = send(batcher, held, "other")
            third = send(batcher, countdown, 1)
            countdown.go.release()
            assert await countdown.started() == [1]
            countdown.go.release()
            await first
            assert await held.started() == ["other"]
            held.go.release()
            await other
            countdown.go.release()
            await third

    asyncio.run(main())


def test_equal_kinds_share_a_batch_and_others_do_not() -> None:
    async def main() -> None:
        held = Held()
        twin = Held(name="held", steps=held.steps, go=held.go)
        other = Held(name="other", steps=held.steps, go=held.go)
        with running() as batcher:
            blocker = send(batcher, held, 0)
            await held.started()
            tasks = [send(batcher, held, 1), send(batcher, twin, 2), send(batcher, other, 3)]
            held.go.release(3)
            assert [await held.started() for _ in range(2)] == [[1, 2], [3]]
            await asyncio.gather(blocker, *tasks)

    asyncio.run(main())


def test_the_work_is_done_on_one_thread_that_is_not_the_loop_s() -> None:
    seen: set[int] = set()

    class Where:
        name = "where"

        def begin(self) -> SingleStepBatch[int]:
            def run(works: list[int]) -> StepResult:
                seen.add(threading.get_ident())
                return StepResult(dict(enumerate(works)))

            return SingleStepBatch(run)

    async def main() -> None:
        with running(batch_cost=1) as batcher:
            kind = Where()
            await asyncio.gather(*(send(batcher, kind, number) for number in range(5)))

    asyncio.run(main())
    assert len(seen) == 1
    assert threading.get_ident() not in seen


def test_waiting_and_running_are_timed_and_steps_reported() -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(observer=recorder) as batcher:
            sent = time.perf_counter()
            one = send(batcher, held, 1)
            await held.started()
            began = time.perf_counter()
            two = send(batcher, held, 2, 3)
            await asyncio.sleep(0.02)
            held.go.release(2)
            first, second = await asyncio.gather(one, two)
            assert first.ran >= 0.02
            assert second.queued >= 0.02
            assert first.queued <= began - sent
            assert recorder.steps == [("held", 1, 1, 0), ("held", 2, 2, 0)]

    asyncio.run(main())


def test_an_answer_after_the_end_of_its_loop_hurts_nobody() -> None:
    held = Held()
    batcher = Batcher("test", 10, 100)
    batcher.start()

    async def leave() -> Coroutine[Any, Any, Timed[Any]]:
        waiting = batcher.submit("a", held, [1], [1])
        await held.started()
        return waiting

    asyncio.run(leave()).close()

    async def main() -> None:
        held.go.release(2)
        assert (await send(batcher, held, 2)).results == [2]

    asyncio.run(main())


requests = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["x", "y"]),
        st.lists(st.integers(0, 12), min_size=1, max_size=6),
        st.booleans(),
    ),
    max_size=30,
)


@given(sent=requests, batch_cost=st.integers(1, 20))
def test_nothing_is_lost_and_nothing_mixed(
    sent: list[tuple[str, str, list[int], bool]], batch_cost: int
) -> None:
    """Whatever is sent in whatever order, some of it cancelled: each gets its own, in order."""
    recorder = Recorder()

    @dataclass(frozen=True)
    class Echo:
        name: str

        def begin(self) -> SingleStepBatch[Any]:
            return SingleStepBatch(
                lambda works: StepResult({n: (self.name, w) for n, w in enumerate(works)})
            )

    async def main() -> None:
        with running(batch_cost, queue_cost=10_000, observer=recorder) as batcher:
            tasks = []
            for number, (client, name, costs, cancelled) in enumerate(sent):
                works = [(number, place) for place in range(len(costs))]
                task = asyncio.create_task(batcher.submit(client, Echo(name), works, costs))
                tasks.append((task, name, works))
                if cancelled:
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.gather(*(task for task, *_ in tasks), return_exceptions=True)
            for (task, name, works), (*_, cancelled) in zip(tasks, sent, strict=True):
                if not task.cancelled():
                    assert task.result().results == [(name, work) for work in works]
                else:
                    assert cancelled
            await batcher.close(PATIENCE)
            assert recorder.waiting == (0, 0)
            worked = sum(works for _, works, *_ in recorder.steps)
            assert worked + recorder.dropped_works == sum(len(costs) for *_, costs, _ in sent)

    asyncio.run(main())
