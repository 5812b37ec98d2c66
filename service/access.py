"""Around every request: its time, a line in the log, and an answer even to our own faults."""

import logging
import time
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Internal, response

logger = logging.getLogger("conveyor.access")


class AccessMiddleware:
    """Adds ``x-total-time`` in milliseconds, logs the request, and turns a crash into a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look after it on its way back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_timed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                elapsed = (time.perf_counter() - started) * 1000
                MutableHeaders(scope=message)["x-total-time"] = f"{elapsed:.3f}"
            await send(message)

        try:
            await self.app(scope, receive, send_timed)
        except Exception:
            logger.exception("%s %s failed", scope["method"], quote(scope["path"]))
            if status:  # too late to say so: the connection breaks instead
                raise
            internal = Internal("The service failed; the x-request-id finds the reason in its log.")
            await response(internal)(scope, receive, send_timed)
        finally:
            elapsed = (time.perf_counter() - started) * 1000
            logger.info(
                "%s %s %s %.1f ms",
                scope["method"],
                quote(scope["path"]),  # a line break in it must not make a line of its own
                status,
                elapsed,
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "milliseconds": round(elapsed, 3),
                },
            )
