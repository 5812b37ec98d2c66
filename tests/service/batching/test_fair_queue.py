"""Whose turn it is, seen in what a batcher's batches are made of."""

import asyncio

from conveyor.service.batching.fair_queue import FairQueue
from tests.service.batching.kinds import Countdown, Held, running, send


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
    """A request with many jobs does not starve a small one of the same client."""

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


def test_a_queue_is_closed_until_somebody_works_on_it() -> None:
    assert FairQueue().closed
