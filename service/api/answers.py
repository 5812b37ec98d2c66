"""The memory for answers that are made at the same time: large ones wait for each other.

An answer takes about three times its size in memory while it is made. So those that are made at a
time are together no larger than one may be, and the others wait. Callers take turns, each with its
answers in the order in which they came. Small ones have a room of their own: nobody waits seconds
for a few lines. What waits holds its tokens, so they are bounded, as those in the queue are.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import NamedTuple

from conveyor.service.batching.errors import Full

# The largest answer, in bytes, that is a small one.
SMALL = 2**20

# Seconds after which whoever finds no place to wait may ask again: how long it will be depends on
# what the answers before are made of.
AGAIN = 1.0


class _Turn(NamedTuple):
    """An answer that waits."""

    size: int
    let_in: "asyncio.Future[None]"


class Room:
    """A number of bytes for answers under way; one that needs more has all of them for itself.

    ``max_tokens`` may wait.
    """

    def __init__(self, most: int, max_tokens: int) -> None:
        self._most = most
        self._max_tokens = max_tokens
        self._used = 0
        self._tokens = 0  # that wait
        # Client: its answers, both in the order of their turns.
        self._waiting: dict[Hashable, deque[_Turn]] = {}

    @asynccontextmanager
    async def take(self, size: int, client: Hashable, tokens: int) -> AsyncIterator[None]:
        """Wait until there is room for so many bytes, and hold it until the context ends.

        Raises Full if there is no place to wait for so many tokens.
        """
        if self._waiting or not self._fits(size):
            await self._wait(size, client, tokens)
        else:
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            self._let_in()

    async def _wait(self, size: int, client: Hashable, tokens: int) -> None:
        if self._tokens and self._tokens + tokens > self._max_tokens:
            raise Full(AGAIN)
        turn = _Turn(size, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(client, deque()).append(turn)
        self._tokens += tokens
        try:
            await turn.let_in
        except asyncio.CancelledError:
            if not turn.let_in.cancelled():  # it was let in at the same moment
                self._used -= size
            self._let_in()
            raise
        finally:
            self._tokens -= tokens

    def _fits(self, size: int) -> bool:
        return self._used == 0 or self._used + size <= self._most

    def _let_in(self) -> None:
        """Give room to the answers whose turn it is, while there is any."""
        while self._waiting:
            client, turns = next(iter(self._waiting.items()))
            while turns and turns[0].let_in.cancelled():
                turns.popleft()
            if turns and not self._fits(turns[0].size):
                return
            del self._waiting[client]
            if turns:
                size, let_in = turns.popleft()
                self._used += size
                let_in.set_result(None)
            if turns:  # after those who have not had a turn
                self._waiting[client] = turns


class Answers:
    """The rooms of small answers and of large ones, of so many bytes each."""

    def __init__(self, most: int, max_tokens: int) -> None:
        self._small, self._large = Room(most, max_tokens), Room(most, max_tokens)

    def room(self, size: int) -> Room:
        """Choose the room for an answer of so many bytes."""
        return self._small if size <= SMALL else self._large
