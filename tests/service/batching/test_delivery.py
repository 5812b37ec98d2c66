"""The way of results to the event loops of those who await them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.request import Timed
from tests.service.batching.kinds import Held, send


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
