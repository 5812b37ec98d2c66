import asyncio
import threading
from functools import partial

import pytest

from service.errors import Unavailable
from service.inference import ModelThread


def test_work_runs_in_order_on_one_thread_that_is_not_the_loop_s() -> None:
    seen: list[tuple[int, int]] = []

    def note(number: int) -> None:
        seen.append((number, threading.get_ident()))

    async def main() -> None:
        with ModelThread() as model:
            await asyncio.gather(*(model.run(partial(note, number)) for number in range(9)))

    asyncio.run(main())
    assert [number for number, _ in seen] == list(range(9))
    assert len({thread for _, thread in seen}) == 1
    assert seen[0][1] != threading.get_ident()


def test_the_loop_runs_on_while_the_model_works() -> None:
    """The work waits for the loop: were it to run on the loop, neither would ever end."""

    async def main() -> bool:
        with ModelThread() as model:
            told = threading.Event()
            running = asyncio.create_task(model.run(lambda: told.wait(timeout=30)))
            await asyncio.sleep(0)
            told.set()
            return (await running).value

    assert asyncio.run(main())


def test_waiting_and_running_are_timed() -> None:
    async def main() -> None:
        with ModelThread() as model:
            release = threading.Event()
            first = asyncio.create_task(model.run(lambda: release.wait(timeout=30)))
            second = asyncio.create_task(model.run(lambda: None))
            await asyncio.sleep(0.05)
            release.set()
            one, two = await first, await second
            assert one.ran >= 0.04
            assert two.queued >= 0.04
            assert two.ran < one.ran

    asyncio.run(main())


def test_an_error_is_its_caller_s_alone() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        with ModelThread() as model:
            with pytest.raises(ZeroDivisionError):
                await model.run(fail)
            assert (await model.run(lambda: 5)).value == 5

    asyncio.run(main())


def test_closing_finishes_what_was_accepted_and_takes_nothing_new() -> None:
    async def main() -> None:
        model = ModelThread()
        with model:
            accepted = [asyncio.create_task(model.run(partial(abs, n))) for n in range(5)]
            await asyncio.sleep(0)
        assert [timed.value for timed in await asyncio.gather(*accepted)] == list(range(5))
        with pytest.raises(Unavailable):
            await model.run(lambda: 5)

    asyncio.run(main())
