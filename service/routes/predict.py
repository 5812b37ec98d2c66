"""POST /predict: labels for texts."""

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
from service.routes.texts import timing_headers, tokenize
from service.schemas import LabelScore, PredictRequest

router = APIRouter(route_class=JSONRoute)

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
    classifier = ctx.artifact.classifier
    timed = await ctx.model_thread.run(partial(classifier.predict, tokenized.encodings))
    top_k = body.parameters.top_k
    answer = [ranked(row, classifier.config.labels, top_k) for row in timed.value]
    return JSONResponse(answer, headers=timing_headers(tokenized, timed))


def ranked(
    probabilities: Floats, labels: tuple[str, ...], top_k: int | None = None
) -> list[dict[str, Any]]:
    """The labels with their probabilities, best first; equals keep the model's order."""
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    return [{"label": labels[index], "score": probabilities[index]} for index in order]
