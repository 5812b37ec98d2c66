"""The application: settings and a loaded model in, an ASGI app out."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Request, Security
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from conveyor.model.artifact.storage import Artifact
from conveyor.model.inference.classifier import use_threads
from conveyor.model.text.truncation import CHARACTERS_PER_TOKEN
from conveyor.service import errors
from conveyor.service.api.answers import Answers
from conveyor.service.api.app_context import AppContext
from conveyor.service.api.arrivals import LARGEST_BODIES, Arrivals
from conveyor.service.api.routes import inspector, operations, predict, states
from conveyor.service.batching.batcher import Batcher
from conveyor.service.metrics.metrics import Metrics
from conveyor.service.middleware.access import AccessMiddleware
from conveyor.service.middleware.admission import AdmissionMiddleware
from conveyor.service.middleware.api_keys import Keys
from conveyor.service.middleware.cors import CORS
from conveyor.service.middleware.faults import FaultMiddleware
from conveyor.service.middleware.head import HeadMiddleware
from conveyor.service.middleware.security_headers import BrowserMiddleware
from conveyor.service.process.cores import threads
from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.scoreboard import Slot
from conveyor.service.settings import Settings

logger = logging.getLogger("conveyor.app")

# Characters that are tokenized at once: some 20 ms of work, after which others have their turn.
TOKENIZER_BATCH = 65_536


def create_app(
    settings: Settings, artifact: Artifact, keys: Keys | None = None, slot: Slot | None = None
) -> FastAPI:
    """Make the application for one model; with a slot, it is one of several workers.

    Keys that are not given are those of the settings: NoKeys, or OSError for an unreadable file.
    """
    context = _context(settings, artifact, slot)
    keys = keys or Keys.from_settings(settings)
    app = FastAPIOffline(
        title="Conveyor",
        summary="Labels for texts, and what an LSTM held in mind while it read them.",
        version=version("conveyor"),
        redoc_url=None,
        static_url="/docs/static",
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.context = context
    # Who is let in has been decided before; this is how the description says what to send.
    guarded = [Security(HTTPBearer(auto_error=False, description="An API key."))] if keys else []
    app.include_router(predict.router, tags=["Texts"], dependencies=guarded)
    app.include_router(states.router, tags=["Texts"], dependencies=guarded)
    app.include_router(operations.router, tags=["Operations"])
    if settings.inspector:
        app.include_router(inspector.router())
    app.add_exception_handler(HTTPException, _on_http_error)
    # The last one added is the first to see a request.
    app.add_middleware(
        AdmissionMiddleware,
        lifecycle=context.lifecycle,
        keys=keys,
        model=context.model,
        arrivals=context.arrivals,
        settings=settings,
        metrics=context.metrics.requests,
    )
    app.add_middleware(HeadMiddleware)
    app.add_middleware(FaultMiddleware)
    app.add_middleware(BrowserMiddleware)
    if settings.cors_origins:
        app.add_middleware(CORS, listed=settings.cors_origins)
    paths = frozenset(app.openapi()["paths"])
    app.add_middleware(AccessMiddleware, metrics=context.metrics.requests, paths=paths)
    app.add_middleware(CorrelationIdMiddleware, validator=_is_request_id)
    return app


def _is_request_id(text: str) -> bool:
    """Accept a caller's own request id if it is a UUID, which can be searched for in logs."""
    return re.fullmatch(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}", text) is not None


def _context(settings: Settings, artifact: Artifact, slot: Slot | None) -> AppContext:
    metrics = Metrics(artifact, version("conveyor"), slot)
    tokenizer = Batcher(
        "tokenizer",
        batch_cost=TOKENIZER_BATCH,
        queue_cost=settings.max_queued_tokens * CHARACTERS_PER_TOKEN,
    )
    model = Batcher(
        "model",
        batch_cost=settings.max_batch_tokens,
        queue_cost=settings.max_queued_tokens,
        observer=metrics.batches,
        prepare=partial(use_threads, settings.threads or threads(settings.workers)),
    )
    lifecycle = Lifecycle([tokenizer, model], settings.max_connections)
    answers = Answers(settings.max_response_bytes, settings.max_queued_tokens)
    arrivals = Arrivals(LARGEST_BODIES * settings.max_body_bytes)
    return AppContext(settings, artifact, tokenizer, model, arrivals, answers, lifecycle, metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: AppContext = app.state.context
    batchers = (context.tokenizer, context.model)
    for batcher in batchers:
        batcher.start()
    try:
        yield
    finally:
        for batcher in batchers:
            await batcher.close(context.settings.shutdown_seconds)
        tally = ", ".join(
            f"{count} {name}" for name, count in context.metrics.requests.tally().items()
        )
        logger.info("Requests in all: %s", tally)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if isinstance(error, errors.ServiceError):
        return errors.response(error)
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return errors.response(errors.from_framework(error, request))
