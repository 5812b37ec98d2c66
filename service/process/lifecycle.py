"""The lifecycle of the service: ready, draining, ended; and its active requests."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from conveyor.service.batching.batcher import Batcher

# Once the time is over, those who still waited get this many seconds to be told so.
DRAIN_NOTICE_SECONDS = 1.0


@dataclass
class Lifecycle:
    """The state shared by those who admit requests and those who end the process."""

    batchers: Sequence[Batcher]
    max_active: int  # requests at a time
    draining: bool = False
    active: int = 0
    admitted: int = 0  # requests so far
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ready(self) -> bool:
        """True if requests are taken, and can be answered."""
        return not self.draining and all(batcher.ready for batcher in self.batchers)

    @property
    def broken(self) -> bool:
        """True if a worker thread has died: this process has to end, and another to begin."""
        return any(batcher.died for batcher in self.batchers)

    def enter(self) -> None:
        """Count a request that is admitted."""
        self.active += 1
        self.admitted += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count a request that has been answered, or is gone."""
        self.active -= 1
        if not self.active:
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Admit no more requests, and wait until all are answered; after so many s, refuse them."""
        self.draining = True
        if await self._until_idle(seconds):
            return
        for batcher in self.batchers:
            await batcher.close(0)
        await self._until_idle(DRAIN_NOTICE_SECONDS)

    async def _until_idle(self, seconds: float) -> bool:
        if not self.active:
            return True
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True
