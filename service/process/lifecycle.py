"""Whether the service takes requests, how many it has, and how it comes to its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.batching.batcher import Batcher

# Once the time is over, those who still waited get this many seconds to be told so.
DRAIN_NOTICE_SECONDS = 1.0


@dataclass
class Lifecycle:
    """Shared by those who let requests in and those who end the process."""

    batchers: Sequence[Batcher]
    most_active: int  # requests at a time
    draining: bool = False
    active: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ready(self) -> bool:
        """Whether requests are taken, and can be answered."""
        return not self.draining and all(batcher.ready for batcher in self.batchers)

    @property
    def broken(self) -> bool:
        """Whether a thread that works has died: this process has to end, and another to begin."""
        return any(batcher.died for batcher in self.batchers)

    def enter(self) -> None:
        """A request is let in."""
        self.active += 1
        self._idle.clear()

    def leave(self) -> None:
        """It has been answered, or is gone."""
        self.active -= 1
        if not self.active:
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Let nobody in any more, and wait until all are answered; after so long, refuse them."""
        self.draining = True
        if await self._all_left(seconds):
            return
        for batcher in self.batchers:
            await batcher.close(0)
        await self._all_left(DRAIN_NOTICE_SECONDS)

    async def _all_left(self, seconds: float) -> bool:
        if not self.active:
            return True
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True
