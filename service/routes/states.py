"""POST /states: what the network held after every token."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter

from model.classifier import Trace
from model.config import ModelConfig
from model.tokenizer import Encoding
from service.encoding import JSON_BYTES_PER_NUMBER, JSONResponse
from service.errors import TooLarge
from service.routes.context import Context, InContext
from service.routes.json_body import JSONRoute
from service.routes.predict import ERRORS, ranked
from service.routes.texts import Tokenized, timing_headers, tokenize
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
    _check_size(tokenized, ctx)
    classifier = ctx.artifact.classifier
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


def _check_size(tokenized: Tokenized, ctx: Context) -> None:
    """Refuse an answer that would be too large before it is computed."""
    size = tokenized.tokens * _numbers_per_token(ctx.artifact.classifier.config)
    size *= JSON_BYTES_PER_NUMBER
    limit = ctx.settings.max_response_bytes
    if size > limit:
        raise TooLarge(
            f"The states of {tokenized.tokens:,} tokens would be about {size:,} bytes, but an "
            f"answer has at most {limit:,}: send fewer or shorter texts in one request."
        )


def _numbers_per_token(config: ModelConfig) -> int:
    return STATES_PER_LAYER * config.num_layers * len(config.directions) * config.hidden_size
