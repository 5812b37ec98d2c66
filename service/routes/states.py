"""POST /states: what the network held after every token."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter

from model.classifier import Trace
from model.config import ModelConfig
from model.tokenizer import Encoding
from service.encoding import JSON_BYTES_PER_NUMBER, JSONResponse
from service.routes.context import InContext
from service.routes.json_body import JSONRoute
from service.routes.predict import ERRORS, ranked
from service.routes.texts import check_answer, timing_headers, tokenize
from service.schemas import StatesRequest, StatesResponse

router = APIRouter(route_class=JSONRoute)

STATES_PER_LAYER = 2  # hidden and cell


@router.post(
    "/states",
    summary="Look inside while the network reads",
    response_model=StatesResponse,
    responses=ERRORS,
)
async def states(body: StatesRequest, ctx: InContext) -> JSONResponse:
    """Read each text and answer hidden and cell state of every layer, direction and step."""
    tokenized = await tokenize(body, ctx)
    classifier = ctx.artifact.classifier
    numbers = tokenized.tokens * _numbers_per_token(classifier.config)
    what = f"The states of {tokenized.tokens:,} tokens"
    check_answer(numbers * JSON_BYTES_PER_NUMBER, what, ctx)
    timed = await ctx.model_thread.run(partial(classifier.trace, tokenized.encodings))
    results = [
        _result(text, encoding, truncated, trace, classifier.config.labels)
        for text, encoding, truncated, trace in zip(
            body.inputs, tokenized.encodings, tokenized.truncated, timed.value, strict=True
        )
    ]
    headers = timing_headers(tokenized, timed)
    return await asyncio.to_thread(JSONResponse, {"results": results}, headers=headers)


def _result(
    text: str, encoding: Encoding, truncated: bool, trace: Trace, labels: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "tokens": [text[start:end] for start, end in encoding.offsets],
        "ids": encoding.ids,
        "offsets": encoding.offsets,
        "truncated": truncated,
        "prediction": ranked(trace.probabilities, labels),
        "layers": [vars(layer) for layer in trace.layers],
    }


def _numbers_per_token(config: ModelConfig) -> int:
    return STATES_PER_LAYER * config.num_layers * len(config.directions) * config.hidden_size
