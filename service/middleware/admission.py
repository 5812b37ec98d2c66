"""Admission of requests, before anything is read or computed for them.

Refused are all while the service drains, those above the limit on active requests, those without a
key, and those whose texts would find no room in the queue.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from conveyor.service.api.arrivals import Arrivals
from conveyor.service.api.request_context import RequestContext
from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.errors import Closed, Full
from conveyor.service.errors import (
    NOT_RUNNING,
    SHUTTING_DOWN,
    Overloaded,
    ServiceError,
    Unauthorized,
    Unavailable,
    queue_full,
    response,
)
from conveyor.service.metrics.requests import RequestMetrics
from conveyor.service.middleware.api_keys import Keys
from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.settings import Settings

# Health and metrics are always answered, so that operators see what goes on.
ALWAYS_OPEN = frozenset({"/livez", "/readyz", "/metrics"})

# The description of the interface and the page are no secret, and a browser could not show a key.
NO_KEY = ("/docs", "/openapi.json", "/inspector/")
PAGE = "/"

# Paths whose texts wait for the model. While its queue is full, no body of theirs is read:
# refusing has to be cheap.
QUEUED = frozenset({"/predict", "/states"})

CLOSE = {"connection": "close"}


class AdmissionMiddleware:
    """Refuses requests before anything is read for them, and counts those that it admits."""

    def __init__(
        self,
        app: ASGIApp,
        lifecycle: Lifecycle,
        keys: Keys | None,
        model: Batcher,
        arrivals: Arrivals,
        settings: Settings,
        metrics: RequestMetrics,
    ) -> None:
        self.app = app
        self._lifecycle = lifecycle
        self._keys = keys
        self._model = model
        self._settings = settings
        self._metrics = metrics
        self._arrivals = arrivals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_OPEN:
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await response(refusal)(scope, receive, send)
            return
        self._lifecycle.enter()
        try:
            await self.app(scope, receive, send)
        finally:
            self._lifecycle.leave()

    def _refusal(self, scope: Scope) -> ServiceError | None:
        if self._lifecycle.draining:
            self._metrics.rejected("draining")
            return Unavailable(SHUTTING_DOWN, CLOSE)
        most = self._lifecycle.max_active
        if self._lifecycle.active >= most:
            self._metrics.rejected("connections")
            return Overloaded(
                f"The limit of {most:,} requests at a time is reached. Send fewer at a time, or "
                "retry in 1 s.",
                CLOSE | {"retry-after": "1"},
            )
        return self._check_key(scope) or self._check_room(scope)

    def _check_key(self, scope: Scope) -> ServiceError | None:
        path = scope["path"]
        if self._keys is None or path == PAGE or path.startswith(NO_KEY):
            return None
        index = self._keys.match(Headers(scope=scope).get("authorization"))
        if index is None:
            self._metrics.rejected("key")
            return Unauthorized(
                'An API key is required. Send it in the header "authorization: Bearer <key>".',
                {"www-authenticate": "Bearer"},
            )
        RequestContext.of(scope).client = index
        return None

    def _check_room(self, scope: Scope) -> ServiceError | None:
        if scope["path"] in QUEUED:
            own = self._arrivals.expected(RequestContext.of(scope).content_length)
            try:
                self._model.check(self._arrivals.tokens + own)
            except Full as error:
                self._metrics.rejected("queue")
                return queue_full(error.seconds, self._settings.max_queued_tokens)
            except Closed:
                return Unavailable(NOT_RUNNING)
        return None
