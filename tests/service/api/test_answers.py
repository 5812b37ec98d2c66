import asyncio

import pytest

from conveyor.service.api.answers import SMALL, Answers, Room
from conveyor.service.batching.errors import Full


async def take(room: Room, size: int, made: list[int], go: asyncio.Event, client: str = "") -> None:
    async with room.take(size, client, tokens=size):
        made.append(size)
        await go.wait()


async def until_all_wait() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_answers_wait_for_room_in_the_order_in_which_they_came() -> None:
    async def main() -> None:
        room, made = Room(10, 1000), list[int]()
        gates = [asyncio.Event() for _ in range(5)]
        sizes = [6, 4, 5, 1, 20]
        tasks = [
            asyncio.create_task(take(room, size, made, gate))
            for size, gate in zip(sizes, gates, strict=True)
        ]
        await until_all_wait()
        assert made == [6, 4]
        gates[1].set()
        await until_all_wait()
        assert made == [6, 4]  # 1 would fit, but 5 came first
        gates[0].set()
        await until_all_wait()
        assert made == [6, 4, 5, 1]
        for gate in gates:
            gate.set()
        await asyncio.gather(*tasks)
        assert made == sizes  # more than there is room for has it alone

    asyncio.run(main())


@pytest.mark.parametrize("let_in", [False, True])
def test_who_goes_away_while_it_waits_leaves_its_room(let_in: bool) -> None:
    async def main() -> None:
        room, made = Room(10, 1000), list[int]()
        gates = [asyncio.Event() for _ in range(3)]
        first, gone, last = [
            asyncio.create_task(take(room, size, made, gate))
            for size, gate in zip([10, 9, 8], gates, strict=True)
        ]
        await until_all_wait()
        if let_in:
            gates[0].set()
            for _ in range(10):
                if room._used == 9:
                    break
                await asyncio.sleep(0)
        gone.cancel()
        gates[0].set()
        await asyncio.wait([first, gone])
        await until_all_wait()
        assert made == [10, 8]
        gates[2].set()
        await last
        assert room._used == 0

    asyncio.run(main())


def test_callers_take_turns() -> None:
    async def main() -> None:
        room, made, go = Room(10, 1000), list[int](), asyncio.Event()
        clients = {10: "a", 9: "a", 8: "a", 7: "b", 6: "c", 5: "b"}
        tasks = [
            asyncio.create_task(take(room, size, made, go, client))
            for size, client in clients.items()
        ]
        await until_all_wait()
        go.set()
        await asyncio.gather(*tasks)
        assert made == [10, 9, 7, 6, 8, 5]
        assert room._waiting == {}

    asyncio.run(main())


def test_what_waits_is_bounded() -> None:
    async def main() -> None:
        room, made, go = Room(10, 15), list[int](), asyncio.Event()
        tasks = [asyncio.create_task(take(room, size, made, go)) for size in (10, 20, 1)]
        await until_all_wait()
        with pytest.raises(Full):  # one that is too large waits where nothing does
            await tasks[2]
        go.set()
        await asyncio.gather(*tasks[:2])
        await take(room, 10, made, go)
        assert made == [10, 20, 10]

    asyncio.run(main())


def test_who_goes_away_at_the_moment_in_which_its_turn_comes_disturbs_nobody() -> None:
    async def main() -> None:
        room, made, go = Room(10, 1000), list[int](), asyncio.Event()
        gone, last = [
            asyncio.create_task(take(room, size, made, go, client))
            for size, client in ((9, "a"), (8, "b"))
        ]
        async with room.take(10, "c", 1):
            await until_all_wait()
            gone.cancel()  # and before it knows of that, there is room
        go.set()
        await last
        assert made == [8]
        assert room._used == room._tokens == 0
        assert gone.cancelled()

    asyncio.run(main())


def test_small_answers_do_not_wait_for_large_ones() -> None:
    answers = Answers(10, 10)
    assert answers.room(SMALL) is answers.room(1)
    assert answers.room(SMALL + 1) is answers.room(2**30)
    assert answers.room(SMALL) is not answers.room(SMALL + 1)
