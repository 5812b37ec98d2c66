"""One serving process: uvicorn, with a graceful shutdown that answers every admitted request."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.process.memory import SpareMemory, give_back
from conveyor.service.process.signals import forces_exit, shutdown_signals
from conveyor.service.protocol.connection import Connection
from conveyor.service.protocol.connections import UNSENT_ANSWERS, Connections, backlog, max_open
from conveyor.service.settings import Settings

logger = logging.getLogger("conveyor.server")

# Once all are answered, or told that they will not be, connections that are still open (a client
# that does not read its answer) get this many seconds.
LAST_SECONDS = 1


# An idle connection is kept open for longer than load balancers keep theirs (60 s by default in
# nginx and in those of the clouds): else they send requests into connections that are being closed.
IDLE_SECONDS = 75


class Server(uvicorn.Server):
    """A server that, at a signal to shut down, admits no more, answers what it has, and ends.

    Meanwhile it goes on listening: newcomers are told that it shuts down, and `/readyz` says so to
    whoever balances the load. A second signal ends the process at once. Should a thread that works
    have died, it comes to its end as well.
    """

    def __init__(
        self, app: ASGIApp, lifecycle: Lifecycle, settings: Settings, on_ready: Callable[[], None]
    ) -> None:
        most = max_open(settings.max_connections)
        self._connections = Connections(
            most, settings.max_connections, UNSENT_ANSWERS * settings.max_response_bytes
        )
        config = uvicorn.Config(
            app,
            http=partial(Connection, self._connections),  # type: ignore[arg-type]
            ws="none",
            log_config=None,
            access_log=False,
            backlog=backlog(most),
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=LAST_SECONDS,
            proxy_headers=settings.trusted_proxies is not None,
            forwarded_allow_ips=settings.trusted_proxies,
        )
        super().__init__(config)
        self._lifecycle = lifecycle
        self._spare = SpareMemory()
        lifecycle.max_active = self._connections.max_requests
        self._grace = settings.shutdown_seconds
        self._on_ready = on_ready
        logger.info(
            "At most %s requests at a time, and %s connections",
            f"{self._connections.max_requests:,}",
            f"{most:,}",
        )

    @property
    def computing(self) -> bool:
        """True if a worker thread still computes, after the end of all else."""
        return any(batcher.running for batcher in self._lifecycle.batchers)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Serve until a signal comes, and then until all are answered."""
        await super().main_loop()
        await self._lifecycle.drain(self._grace)

    async def on_tick(self, counter: int) -> bool:
        """Tell if it is time to end; called several times a second."""
        if self._spare.is_due(self._lifecycle):
            await asyncio.to_thread(give_back)
        if self._lifecycle.broken:
            self._lifecycle.draining = self.should_exit = True
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have signals tell `handle_exit` for as long as it serves."""
        before = {number: signal.signal(number, self.handle_exit) for number in shutdown_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Begin to end, or end at once."""
        if self.should_exit and forces_exit(sig):
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self._lifecycle.draining = True
        self.should_exit = True
