"""POST /predict: labels for texts."""

import asyncio

from fastapi import APIRouter, Request

from conveyor.model.arrays import Floats
from conveyor.service.api.app_context import app_context
from conveyor.service.api.encoding import ranked
from conveyor.service.api.json_body import TIMEOUT_PARAMETER, JSONRoute
from conveyor.service.api.schemas import LabelScore, PredictRequest
from conveyor.service.api.texts import check_answer, infer, score_bytes, timing_headers, tokenize
from conveyor.service.batching.jobs import Predicting
from conveyor.service.errors import (
    DeadlinePassed,
    InvalidRequest,
    MalformedJSON,
    Overloaded,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    documented,
)
from conveyor.service.json_response import JSONResponse

router = APIRouter(route_class=JSONRoute)

# Scores that the event loop writes itself: handing them to another thread would take longer.
FEW_SCORES = 512

# Texts that the header names: with a thousand inputs it would be too long for some proxies.
MAX_NAMED = 100

TRUNCATED_HEADER = {
    "x-truncated": {
        "schema": {"type": "string"},
        "description": "Which inputs, from 0, had only their ends read, as in 0, 7; not there if "
        f"none. After {MAX_NAMED} of them stands an ellipsis (...).",
    }
}

FAILURES = (
    MalformedJSON,
    Unauthorized,
    TooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    Overloaded,
    Unavailable,
    DeadlinePassed,
)


@router.post(
    "/predict",
    summary="Label texts",
    response_model=list[list[LabelScore]],
    responses={**documented(*FAILURES), 200: {"headers": TRUNCATED_HEADER}},
    openapi_extra={"parameters": [TIMEOUT_PARAMETER]},
)
async def predict(body: PredictRequest, request: Request) -> JSONResponse:
    """Label each text: one list an input, in the order of the inputs, best label first."""
    ctx = app_context(request)
    tokenized = await tokenize(body, request, ctx, offsets=False)
    labels = ctx.artifact.classifier.config.labels
    top_k = min(body.top_k or len(labels), len(labels))
    what = f"{top_k:,} labels for each of {len(body.inputs):,} texts"
    fewer = "Ask for fewer labels, or send fewer texts in one request"
    check_answer(len(body.inputs) * score_bytes(labels, top_k), what, fewer, ctx)
    kind = Predicting(ctx.artifact.classifier)
    timed = await infer(kind, tokenized.encodings, tokenized, request, ctx)
    rows: list[Floats] = timed.results
    ctx.metrics.texts.predicted(rows)
    headers = timing_headers(tokenized, timed) | _truncated(tokenized.truncated)
    if len(rows) * len(labels) <= FEW_SCORES:
        return _respond(rows, labels, top_k, headers)
    return await asyncio.to_thread(_respond, rows, labels, top_k, headers)


def _truncated(truncated: list[bool]) -> dict[str, str]:
    """Make the header that lists the texts of which only the end was read; none without such."""
    numbers = [str(number) for number, cut in enumerate(truncated) if cut]
    if not numbers:
        return {}
    more = ["..."] if len(numbers) > MAX_NAMED else []
    return {"x-truncated": ", ".join(numbers[:MAX_NAMED] + more)}


def _respond(
    rows: list[Floats], labels: tuple[str, ...], top_k: int, headers: dict[str, str]
) -> JSONResponse:
    return JSONResponse([ranked(row, labels, top_k) for row in rows], headers=headers)
