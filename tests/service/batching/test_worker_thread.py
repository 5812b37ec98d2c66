"""The thread that does the jobs, and its end."""

import asyncio
import threading

import pytest

from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.errors import Closed
from conveyor.service.batching.protocols import Observer, StepResult
from conveyor.service.batching.single_step import SingleStepBatch
from tests.service.batching.kinds import PATIENCE, Held, running, send


class Panic(BaseException):
    """What a library in Rust raises when it panics: no Exception."""


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
            # Else its last words would be another test's.
            assert batcher._thread is not None
            await asyncio.to_thread(batcher._thread.join, PATIENCE)

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


def test_the_work_is_done_on_one_thread_that_is_not_the_loop_s() -> None:
    seen: set[int] = set()

    class Where:
        name = "where"

        def begin(self) -> SingleStepBatch[int]:
            def run(jobs: list[int]) -> StepResult:
                seen.add(threading.get_ident())
                return StepResult(dict(enumerate(jobs)))

            return SingleStepBatch(run)

    async def main() -> None:
        with running(batch_cost=1) as batcher:
            kind = Where()
            await asyncio.gather(*(send(batcher, kind, number) for number in range(5)))

    asyncio.run(main())
    assert len(seen) == 1
    assert threading.get_ident() not in seen
