"""GET /info, /livez, /readyz, /metrics: the served model, the health checks, the metrics."""

import platform
from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from conveyor.model.artifact.identity import ArtifactInfo
from conveyor.model.network.parameters import parameter_count
from conveyor.service.api.app_context import InContext
from conveyor.service.api.schemas import Info, Limits, Status
from conveyor.service.errors import Overloaded, Unauthorized, Unavailable, documented
from conveyor.service.process.cores import threads

router = APIRouter()

# Looked up once: each is a file to be read and parsed, which takes milliseconds.
VERSIONS = {
    "conveyor": version("conveyor"),
    "python": platform.python_version(),
    "torch": version("torch"),
}


@router.get(
    "/info",
    summary="The served model",
    responses=documented(Unauthorized, Overloaded, Unavailable),
)
async def info(ctx: InContext) -> Info:
    """Tell the served model, its parameters by formula and in all, the limits, the versions."""
    config = ctx.artifact.classifier.config
    return Info(
        artifact=ArtifactInfo(name=ctx.artifact.name, sha256=ctx.artifact.sha256),
        config=config,
        labels=list(config.labels),
        parameters=parameter_count(config),
        limits=Limits(
            max_body_bytes=ctx.settings.max_body_bytes,
            max_inputs=ctx.settings.max_inputs,
            max_tokens=ctx.max_tokens,
            max_batch_tokens=ctx.settings.max_batch_tokens,
            max_queued_tokens=ctx.settings.max_queued_tokens,
            max_response_bytes=ctx.settings.max_response_bytes,
            max_connections=ctx.settings.max_connections,
            request_seconds=ctx.settings.request_seconds,
        ),
        threads=ctx.settings.threads or threads(ctx.settings.workers),
        workers=ctx.settings.workers,
        ready_workers=ctx.metrics.workers[0],
        versions=VERSIONS,
    )


@router.get("/livez", summary="Liveness", responses=documented())
async def livez() -> Status:
    """Answer if the process lives."""
    return Status()


@router.get("/readyz", summary="Readiness", responses=documented(Unavailable))
async def readyz(ctx: InContext) -> Status:
    """Answer 200 if the service takes traffic: it does not shut down, and its threads live."""
    if ctx.lifecycle.draining:
        raise Unavailable("The service is shutting down.")
    if not ctx.lifecycle.ready:
        raise Unavailable("The model is not running. Restart the service; its log has the reason.")
    return Status()


@router.get(
    "/metrics",
    summary="Metrics, for Prometheus",
    response_class=Response,
    responses={**documented(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request, ctx: InContext) -> Response:
    """Write the counters and histograms of this server, all its processes together."""
    body, media_type = ctx.metrics.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": media_type})
