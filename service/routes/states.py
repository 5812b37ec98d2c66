"""POST /states: what the network held at every step."""

import asyncio
from itertools import repeat

from fastapi import APIRouter, Request
from starlette.responses import Response

from model.cell import cell_of
from model.config import ModelConfig
from model.selection import Selection
from model.state import text_length
from model.summary import floats_per_step
from service.compression import CODINGS, WORTH_COMPRESSING
from service.encoding import FORMATS, JSON_BYTES_BESIDE_DECIMALS, Format, Result, States
from service.errors import LONGEST_ECHO, InvalidRequest, NotAcceptable, documented
from service.inference import Tracing
from service.negotiation import content_coding, media_type
from service.routes.context import context
from service.routes.json_body import TIMEOUT_PARAMETER, JSONRoute
from service.routes.predict import FAILURES
from service.routes.selection import select, starts
from service.routes.texts import (
    Tokenized,
    check_answer,
    infer,
    score_bytes,
    timing_headers,
    tokenize,
)
from service.schemas import StatesRequest, StatesResponse

router = APIRouter(route_class=JSONRoute)

JSON = "application/json"
BINARY = {"schema": {"type": "string", "format": "binary"}}

# Id, offsets and step of a token, its text aside: in JSON; a little less in the others.
BYTES_PER_TOKEN = 24
FEWER = (
    "select fewer tensors, layers, units or steps, send fewer or shorter texts, "
    "or ask for fewer decimals or a binary format"
)


@router.post(
    "/states",
    summary="Look inside while the network reads",
    response_model=StatesResponse,
    responses={
        **documented(*FAILURES, NotAcceptable),
        200: {"content": {kind: BINARY for kind in FORMATS if kind != JSON}},
    },
    openapi_extra={"parameters": [TIMEOUT_PARAMETER]},
)
async def states(body: StatesRequest, request: Request) -> Response:
    """Read each text and answer what is selected of every layer, direction, step and unit.

    As JSON, npz or safetensors, whichever the `Accept` header prefers; JSON is compressed (zstd,
    gzip) for those whose `Accept-Encoding` allows it.
    """
    ctx = context(request)
    classifier = ctx.artifact.classifier
    kind = _kind(request, body.decimals)
    selection = select(body, classifier.config)
    begin = starts(body, ctx)
    tokenized = await tokenize(body, request, ctx, offsets=True)
    size = _bytes(body, FORMATS[kind], selection, classifier.config, tokenized)
    check_answer(size, f"The states of {tokenized.tokens:,} tokens", FEWER, ctx)
    works = list(zip(tokenized.encodings, begin or repeat(None), strict=False))
    timed = await infer(Tracing(classifier, selection), works, tokenized, request, ctx)
    ctx.metrics.predicted([trace.probabilities for trace in timed.results])
    read = zip(body.inputs, tokenized.encodings, tokenized.truncated, timed.results, strict=True)
    answer = States(
        labels=classifier.config.labels,
        units=selection.units or list(range(classifier.config.hidden_size)),
        results=[Result(*text, sha256=ctx.artifact.sha256) for text in read],
    )
    headers = timing_headers(tokenized, timed) | {"vary": "accept, accept-encoding"}
    coding = content_coding(request.headers.get("accept-encoding"), list(CODINGS))
    return await asyncio.to_thread(_respond, answer, kind, body.decimals, coding, headers)


def _kind(request: Request, decimals: int | None) -> str:
    """The media type of the answer."""
    accept = ", ".join(request.headers.getlist("accept"))
    kind = media_type(accept, list(FORMATS))
    if kind is None:
        raise NotAcceptable(
            f"The header accept: {accept[:LONGEST_ECHO]!r} allows none of the forms that states "
            f"have: {', '.join(FORMATS)}."
        )
    if decimals is not None and kind != JSON:
        raise InvalidRequest(f"decimals is for JSON, but the header accept asks for {kind}.")
    return kind


def _respond(
    answer: States, kind: str, decimals: int | None, coding: str | None, headers: dict[str, str]
) -> Response:
    body = FORMATS[kind].write(answer, decimals)
    if coding and FORMATS[kind].compressible and len(body) >= WORTH_COMPRESSING:
        body = CODINGS[coding](body)
        headers = headers | {"content-encoding": coding}
    return Response(body, media_type=kind, headers=headers)


def _bytes(
    body: StatesRequest,
    form: Format,
    selection: Selection,
    config: ModelConfig,
    tokenized: Tokenized,
) -> int:
    """About how large the answer will be, from what is known before it is computed."""
    steps = sum(len(selection.steps_of(len(encoding))) for encoding in tokenized.encodings)
    per_float = form.bytes_per_float
    if body.decimals is not None:
        per_float = min(per_float, body.decimals + JSON_BYTES_BESIDE_DECIMALS)
    text = sum(len(text.encode()) for text in body.inputs) + BYTES_PER_TOKEN * tokenized.tokens
    text += len(body.inputs) * score_bytes(config.labels, len(config.labels))
    if selection.end:
        text += len(body.inputs) * text_length(config)
    floats = steps * _floats_per_step(selection, config)
    floats += len(body.inputs) * _floats_per_text(selection, config)
    return text + per_float * floats


def _floats_per_step(selection: Selection, config: ModelConfig) -> int:
    units = _units(selection, config)
    places = [
        (layer, direction)
        for layer in range(config.num_layers)
        for direction in config.directions
        if selection.has(layer, direction)
    ]
    tensors = cell_of(config).TENSORS
    floats = len(selection.names(tensors)) * units
    if selection.summaries:
        floats += floats_per_step(tensors, units)
    scores = len(config.labels) if selection.step_scores else 0
    return len(places) * floats + scores


def _floats_per_text(selection: Selection, config: ModelConfig) -> int:
    if not selection.contributions:
        return 0
    ways = len(selection.ways(config.directions))
    return len(config.labels) * (1 + ways * _units(selection, config))


def _units(selection: Selection, config: ModelConfig) -> int:
    return config.hidden_size if selection.units is None else len(selection.units)
