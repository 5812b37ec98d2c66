"""POST /predict: labels for texts."""

import asyncio
from functools import partial

from fastapi import APIRouter

from model.classifier import Floats
from service.encoding import JSONResponse, ranked
from service.errors import (
    InvalidRequest,
    MalformedJSON,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    documented,
)
from service.routes.context import InContext
from service.routes.json_body import JSONRoute
from service.routes.texts import check_answer, score_bytes, timing_headers, tokenize
from service.schemas import LabelScore, PredictRequest

router = APIRouter(route_class=JSONRoute)

FAILURES = (MalformedJSON, TooLarge, UnsupportedMediaType, InvalidRequest, Unavailable)


@router.post(
    "/predict",
    summary="Label texts",
    response_model=list[list[LabelScore]],
    responses=documented(*FAILURES),
)
async def predict(body: PredictRequest, ctx: InContext) -> JSONResponse:
    """Label each text: one list an input, in the order of the inputs, best label first."""
    tokenized = await tokenize(body, ctx)
    labels = ctx.artifact.classifier.config.labels
    top_k = min(body.parameters.top_k or len(labels), len(labels))
    what = f"{top_k:,} labels for each of {len(body.inputs):,} texts"
    fewer = "ask for fewer labels, or send fewer texts in one request"
    check_answer(len(body.inputs) * score_bytes(labels, top_k), what, fewer, ctx)
    timed = await ctx.model_thread.run(
        partial(ctx.artifact.classifier.predict, tokenized.encodings)
    )
    headers = timing_headers(tokenized, timed)
    return await asyncio.to_thread(_respond, timed.value, labels, top_k, headers)


def _respond(
    probabilities: Floats, labels: tuple[str, ...], top_k: int, headers: dict[str, str]
) -> JSONResponse:
    return JSONResponse([ranked(row, labels, top_k) for row in probabilities], headers=headers)
