"""The answer to a crash of the application: a 500, whose reason is in the log."""

import logging
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conveyor.service.errors import Internal, response

logger = logging.getLogger("conveyor.faults")


class FaultMiddleware:
    """Turns a crash into a 500 that does not reveal its reason."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer it if the application crashes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except Exception:
            logger.exception("%s %s failed", scope["method"][:32], quote(scope["path"][:256]))
            if begun:  # too late to say so: the connection breaks instead
                raise
            internal = Internal(
                "The service failed. Its log has the reason under the x-request-id."
            )
            await response(internal)(scope, receive, send)
