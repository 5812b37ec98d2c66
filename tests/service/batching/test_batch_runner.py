"""The batch under way: what joins it, and what becomes of its jobs if a step fails."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from conveyor.service.batching.errors import Failed
from conveyor.service.batching.protocols import StepResult
from conveyor.service.batching.single_step import SingleStepBatch
from tests.service.batching.kinds import PATIENCE, Countdown, Held, Recorder, running, send


def test_a_bad_job_fails_its_request_alone() -> None:
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
    jobs: int
    name: str = "broken"

    def begin(self) -> "Broken":
        if self.name == "no beginning":
            raise ZeroDivisionError
        return self

    def __len__(self) -> int:
        return self.jobs

    def add(self, jobs: Sequence[tuple[int, Any]]) -> None:
        if not self.finished and not self.jobs:
            raise ZeroDivisionError(jobs)

    def prepare(self) -> None:
        if self.name == "no preparation":
            raise ZeroDivisionError

    def step(self) -> StepResult:
        return StepResult(dict(self.finished))


@pytest.mark.parametrize(
    "broken",
    [
        Broken(((999, "whose?"),), jobs=1),
        Broken(((1, "mine"),), jobs=1),
        Broken(((1, "mine"), (2, "hers")), jobs=1),
        Broken((), jobs=0),
        Broken((), jobs=3),
        Broken((), jobs=1, name="no beginning"),
        Broken((), jobs=1, name="no preparation"),
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
def test_a_step_that_fails_is_done_again_job_by_job(
    place: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        held, recorder = Held(), Recorder()
        with running(batch_cost=3, observer=recorder) as batcher:
            before = send(batcher, held, "before")
            await held.started()
            jobs: list[Any] = ["one", "two"]
            jobs.insert(place, ZeroDivisionError())
            tasks = [send(batcher, held, job) for job in jobs]
            after = send(batcher, held, "next batch")
            held.go.release(6)
            assert (await before).results == ["before"]
            assert await held.started() == jobs
            assert [await held.started() for _ in jobs] == [[job] for job in jobs]
            for task, job in zip(tasks, jobs, strict=True):
                if isinstance(job, str):
                    assert (await task).results == [job]
                    continue
                with pytest.raises(Failed) as error:
                    await task
                assert isinstance(error.value.__cause__, ZeroDivisionError)
            assert (await after).results == ["next batch"]
            assert recorder.waiting == (0, 0)

    asyncio.run(main())
    assert "A step of held failed: its 3 jobs are done one by one" in caplog.text


def test_of_a_step_that_fails_nothing_is_done_again_for_those_who_have_gone() -> None:
    async def main() -> None:
        held = Held()
        with running(batch_cost=3) as batcher:
            before = send(batcher, held, "before")
            await held.started()
            tasks = [send(batcher, held, job) for job in (ZeroDivisionError(), "one", "two")]
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
            super().__init__(lambda jobs: StepResult(dict(enumerate(jobs))))
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
    """A kind of job that raises somewhere."""

    name = "deadly"

    def __init__(self, where: str) -> None:
        self.where = where
        self.jobs: list[Any] = []

    def begin(self) -> "Deadly":
        self.die("begin")
        return self

    def __len__(self) -> int:
        return len(self.jobs)

    def add(self, jobs: Sequence[tuple[int, Any]]) -> None:
        self.jobs += jobs
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
def test_whatever_a_job_raises_the_thread_lives_on(where: str) -> None:
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


def test_jobs_join_between_steps_and_leave_when_they_are_done() -> None:
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


def test_a_step_is_told_with_the_seconds_that_it_took() -> None:
    """They are what the rate is made of, and with it the time that who waits is told."""

    async def main() -> None:
        observer = Recorder()
        began = time.perf_counter()
        with running(observer=observer) as batcher:
            held = Held()
            sent = send(batcher, held, "a")
            await held.started()
            held.go.release()
            await sent
        assert 0 < observer.seconds[0] <= time.perf_counter() - began

    asyncio.run(main())
