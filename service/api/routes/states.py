"""POST /states: the network's inner states at every step."""

import asyncio
from contextlib import AsyncExitStack
from itertools import repeat

from fastapi import APIRouter, Request
from starlette.responses import Response

from conveyor.service.api.app_context import AppContext, app_context
from conveyor.service.api.caller import while_connected
from conveyor.service.api.compression import CODINGS, WORTH_COMPRESSING
from conveyor.service.api.encoding import FORMATS, Result, States
from conveyor.service.api.json_body import TIMEOUT_PARAMETER, JSONRoute
from conveyor.service.api.negotiation import content_coding, media_type
from conveyor.service.api.request_context import RequestContext
from conveyor.service.api.routes.predict import FAILURES
from conveyor.service.api.schemas import StatesRequest, StatesResponse
from conveyor.service.api.selection import select, starts
from conveyor.service.api.size import answer_bytes
from conveyor.service.api.texts import (
    Tokenized,
    check_answer,
    infer,
    refusal,
    timing_headers,
    tokenize,
)
from conveyor.service.batching.errors import Full
from conveyor.service.batching.jobs import Tracing
from conveyor.service.errors import MAX_ECHO, InvalidRequest, NotAcceptable, documented

router = APIRouter(route_class=JSONRoute)

JSON = "application/json"
BINARY = {"schema": {"type": "string", "format": "binary"}}

FEWER = (
    "Select fewer tensors, layers, units or steps, send fewer or shorter texts, "
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
    ctx = app_context(request)
    classifier = ctx.artifact.classifier
    kind = _kind(request, body.decimals)
    selection = select(body, classifier.config)
    begin = starts(body, ctx)
    tokenized = await tokenize(body, request, ctx, offsets=True)
    size = answer_bytes(
        FORMATS[kind],
        body.decimals,
        selection,
        classifier.config,
        list(zip(body.inputs, tokenized.encodings, strict=True)),
    )
    check_answer(size, f"The states of {tokenized.tokens:,} tokens", FEWER, ctx)
    async with AsyncExitStack() as held:
        await _take_room(size, tokenized, request, ctx, held)
        jobs = list(zip(tokenized.encodings, begin or repeat(None), strict=False))
        timed = await infer(Tracing(classifier, selection), jobs, tokenized, request, ctx)
        ctx.metrics.texts.predicted([trace.probabilities for trace in timed.results])
        read = zip(
            body.inputs, tokenized.encodings, tokenized.truncated, timed.results, strict=True
        )
        answer = States(
            labels=classifier.config.labels,
            units=selection.units or list(range(classifier.config.hidden_size)),
            results=[Result(*text, sha256=ctx.artifact.sha256) for text in read],
        )
        headers = timing_headers(tokenized, timed) | {"vary": "accept, accept-encoding"}
        coding = content_coding(request.headers.get("accept-encoding"), list(CODINGS))
        return await asyncio.to_thread(_respond, answer, kind, body.decimals, coding, headers)


async def _take_room(
    size: int, tokenized: Tokenized, request: Request, ctx: AppContext, held: AsyncExitStack
) -> None:
    """Wait for room to make the answer in. Raises Overloaded, or ClientGone."""
    client = RequestContext.of(request.scope).client
    room = ctx.answers.room(size).take(size, client, tokenized.tokens)
    try:
        async with while_connected(request.receive):
            await held.enter_async_context(room)
    except Full as error:
        raise refusal(error, ctx) from None


def _kind(request: Request, decimals: int | None) -> str:
    """Choose the media type of the answer."""
    accept = ", ".join(request.headers.getlist("accept"))
    kind = media_type(accept, list(FORMATS))
    if kind is None:
        raise NotAcceptable(
            f"The header accept: {accept[:MAX_ECHO]!r} allows none of the media types of "
            f"states. Accept one of {', '.join(FORMATS)}."
        )
    if decimals is not None and kind != JSON:
        raise InvalidRequest(
            f"decimals is for JSON, but the header accept asks for {kind}. Leave one of them out."
        )
    return kind


def _respond(
    answer: States, kind: str, decimals: int | None, coding: str | None, headers: dict[str, str]
) -> Response:
    body = FORMATS[kind].write(answer, decimals)
    if coding and FORMATS[kind].compressible and len(body) >= WORTH_COMPRESSING:
        body = CODINGS[coding](body)
        headers = headers | {"content-encoding": coding}
    return Response(body, media_type=kind, headers=headers)
