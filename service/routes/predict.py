"""POST /predict: labels for texts."""

import asyncio
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter

from model.classifier import Floats
from service.encoding import JSONResponse
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
from service.routes.texts import check_answer, timing_headers, tokenize
from service.schemas import LabelScore, PredictRequest

router = APIRouter(route_class=JSONRoute)

# {"label":"","score":0.00012345678}, with its comma, beside the label itself.
BYTES_PER_SCORE = 36

ERRORS = documented(MalformedJSON, TooLarge, UnsupportedMediaType, InvalidRequest, Unavailable)


@router.post(
    "/predict",
    summary="Label texts",
    response_model=list[list[LabelScore]],
    responses=ERRORS,
)
async def predict(body: PredictRequest, ctx: InContext) -> JSONResponse:
    """Label each text: one list an input, in the order of the inputs, best label first."""
    tokenized = await tokenize(body, ctx)
    labels = ctx.artifact.classifier.config.labels
    top_k = min(body.parameters.top_k or len(labels), len(labels))
    label_bytes = max(len(label.encode()) for label in labels) + BYTES_PER_SCORE
    what = f"{top_k:,} labels for each of {len(body.inputs):,} texts"
    check_answer(len(body.inputs) * top_k * label_bytes, what, ctx)
    timed = await ctx.model_thread.run(
        partial(ctx.artifact.classifier.predict, tokenized.encodings)
    )
    headers = timing_headers(tokenized, timed)
    return await asyncio.to_thread(_respond, timed.value, labels, top_k, headers)


def _respond(
    probabilities: Floats, labels: tuple[str, ...], top_k: int, headers: dict[str, str]
) -> JSONResponse:
    return JSONResponse([ranked(row, labels, top_k) for row in probabilities], headers=headers)


def ranked(
    probabilities: Floats, labels: tuple[str, ...], top_k: int | None = None
) -> list[dict[str, Any]]:
    """The labels with their probabilities, best first; equals keep the model's order."""
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    return [{"label": labels[index], "score": probabilities[index]} for index in order]
