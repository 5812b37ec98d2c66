"""How much is being made of answers at a time: large ones wait for each other.

An answer takes about three times its size in memory while it is made. So those that are made at a
time are together no larger than one may be, and the others wait, in the order in which they came.
Small ones have a room of their own: nobody waits seconds for a few lines.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The largest answer, in bytes, that is a small one.
SMALL = 2**20


class Room:
    """So many bytes; whoever needs more than there are has all of them for itself."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for so many bytes, and have it while this lasts."""
        if self._waiting or not self._fits(size):
            await self._wait(size)
        else:
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            self._let_in()

    async def _wait(self, size: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove((size, turn))
            else:  # it was let in at the same moment
                self._used -= size
            self._let_in()
            raise

    def _fits(self, size: int) -> bool:
        return self._used == 0 or self._used + size <= self._most

    def _let_in(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self._used += size
            turn.set_result(None)


class Answers:
    """The rooms of small answers and of large ones, each of so many bytes."""

    def __init__(self, most: int) -> None:
        self._small, self._large = Room(most), Room(most)

    def room(self, size: int) -> Room:
        """Where an answer of so many bytes is made."""
        return self._small if size <= SMALL else self._large
