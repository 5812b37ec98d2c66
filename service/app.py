"""The application: settings and a loaded model in, an ASGI app out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from model.artifact import Artifact
from service import errors
from service.access import AccessMiddleware
from service.inference import ModelThread
from service.routes import operations, predict, states
from service.routes.context import Context
from service.settings import Settings


def create_app(settings: Settings, artifact: Artifact) -> FastAPI:
    """Serve one model under these settings."""
    model_thread = ModelThread()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with model_thread:
            yield

    app = FastAPIOffline(
        title="Conveyor",
        summary="Labels for texts, and what an LSTM held in mind while it read them.",
        version=version("conveyor"),
        redoc_url=None,
        static_url="/docs/static",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.context = Context(settings, artifact, model_thread)
    app.include_router(predict.router, tags=["Texts"])
    app.include_router(states.router, tags=["Texts"])
    app.include_router(operations.router, tags=["Operations"])
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    # The last one added is the first to see a request.
    app.add_middleware(AccessMiddleware)
    app.add_middleware(CorrelationIdMiddleware)
    return app


async def _on_http_error(request: Request, error: Exception) -> Response:
    if isinstance(error, errors.ServiceError):
        return errors.response(error)
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return errors.response(errors.from_framework(error, request))


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return errors.response(errors.from_validation(error.errors()))
