"""The batcher's contract, one clause a test; the other modules' tests have the rest of it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.errors import Closed, Full, TooCostly
from conveyor.service.batching.protocols import StepResult
from conveyor.service.batching.single_step import SingleStepBatch
from tests.service.batching.kinds import PATIENCE, Held, Recorder, running, send


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
            assert measured.value.seconds == pytest.approx(batcher._throughput.seconds)
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
            assert recorder.dropped_jobs == 2
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
            assert recorder.dropped_jobs == 1
            held.go.release()

    asyncio.run(main())


def test_it_takes_nothing_before_it_is_started() -> None:
    batcher = Batcher("test", 1, 1)
    assert not batcher.ready
    with pytest.raises(Closed):
        batcher.check(1)


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
                lambda jobs: StepResult({n: (self.name, w) for n, w in enumerate(jobs)})
            )

    async def main() -> None:
        with running(batch_cost, queue_cost=10_000, observer=recorder) as batcher:
            tasks = []
            for number, (client, name, costs, cancelled) in enumerate(sent):
                jobs = [(number, place) for place in range(len(costs))]
                task = asyncio.create_task(batcher.submit(client, Echo(name), jobs, costs))
                tasks.append((task, name, jobs))
                if cancelled:
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.gather(*(task for task, *_ in tasks), return_exceptions=True)
            for (task, name, jobs), (*_, cancelled) in zip(tasks, sent, strict=True):
                if not task.cancelled():
                    assert task.result().results == [(name, job) for job in jobs]
                else:
                    assert cancelled
            await batcher.close(PATIENCE)
            assert recorder.waiting == (0, 0)
            done = sum(jobs for _, jobs, *_ in recorder.steps)
            assert done + recorder.dropped_jobs == sum(len(costs) for *_, costs, _ in sent)

    asyncio.run(main())
