"""The access log: each request's time, log line and metrics, and its context."""

import logging
import time
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conveyor.service.api.request_context import RequestContext
from conveyor.service.metrics.requests import RequestMetrics

logger = logging.getLogger("conveyor.access")

MAX_PATH = 256  # characters of a path that are logged
MAX_METHOD = 32  # and of a method, which may be any word

# Paths that monitoring asks every few seconds.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class AccessMiddleware:
    """Begins a request's context, adds ``x-total-time`` in ms, logs and counts the request."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, paths: Collection[str]) -> None:
        self.app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look after it on its way back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        context = RequestContext.begin(scope)
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
        finally:
            seconds = time.perf_counter() - started
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.answered(path, status, seconds, context.accepted)
            elapsed = seconds * 1000
            shown, method = scope["path"][:MAX_PATH], scope["method"][:MAX_METHOD]
            passed = path in PROBES and status == HTTPStatus.OK
            logger.log(
                logging.DEBUG if passed else logging.INFO,
                "%s %s %s %.1f ms",
                method,
                quote(shown),  # a line break in it must not make a line of its own
                status,
                elapsed,
                extra={
                    "method": method,
                    "path": shown,
                    "status": status,
                    "milliseconds": round(elapsed, 3),
                },
            )
