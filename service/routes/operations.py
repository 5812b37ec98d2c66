"""GET /info, /livez, /readyz: what is served, and whether it can be."""

import platform
from dataclasses import asdict
from importlib.metadata import version

from fastapi import APIRouter

from model.classifier import used_threads
from model.parameters import parameter_count
from service.errors import Unavailable, documented
from service.routes.context import InContext
from service.schemas import ArtifactInfo, Info, Limits, ParameterInfo, Status

router = APIRouter()


@router.get("/info", summary="What is served", responses=documented())
async def info(ctx: InContext) -> Info:
    """Which model is served, its parameters by formula and in all, the limits, the versions."""
    config = ctx.artifact.classifier.config
    return Info(
        artifact=ArtifactInfo(name=ctx.artifact.name, sha256=ctx.artifact.sha256),
        config=config,
        labels=list(config.labels),
        parameters=ParameterInfo(**asdict(parameter_count(config))),
        limits=Limits(
            max_body_bytes=ctx.settings.max_body_bytes,
            max_inputs=ctx.settings.max_inputs,
            max_tokens=ctx.max_tokens,
            max_response_bytes=ctx.settings.max_response_bytes,
        ),
        threads=used_threads(),
        versions={
            "conveyor": version("conveyor"),
            "python": platform.python_version(),
            "torch": version("torch"),
        },
    )


@router.get("/livez", summary="Whether the process lives", responses=documented())
async def livez() -> Status:
    """Whether the process answers at all."""
    return Status()


@router.get("/readyz", summary="Whether it takes traffic", responses=documented(Unavailable))
async def readyz(ctx: InContext) -> Status:
    """Whether the service takes traffic: the model is loaded, and its thread takes work."""
    if not ctx.model_thread.open:
        raise Unavailable("The service is shutting down.")
    return Status()
