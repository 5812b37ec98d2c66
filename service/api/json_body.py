"""Routes that take JSON, within limits of size and time.

A body is parsed on the event loop, so it must be cheap: what one byte of it may cost is bounded
before. Of text a megabyte takes five milliseconds; what takes long are many small values, which
no request needs (2 million numbers took 0.2 s and 200 MB, as many empty lists a second).
"""

import asyncio
import codecs
import inspect
import math
from collections.abc import Callable, Coroutine
from email.message import Message
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from conveyor.service.api.app_context import AppContext, app_context
from conveyor.service.api.arrivals import Body, TooManyBytes
from conveyor.service.api.caller import CLIENT_GONE, ClientGone
from conveyor.service.api.request_context import RequestContext
from conveyor.service.batching.errors import Closed, Full
from conveyor.service.errors import (
    MAX_ECHO,
    NOT_RUNNING,
    DeadlinePassed,
    InvalidRequest,
    Overloaded,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    from_validation,
    not_json,
    queue_full,
)

TIMEOUT_HEADER = "x-request-timeout"

# Values in a body beside one text and one state for each input: more than anybody selects.
MAX_VALUES = 10_000

# As OpenAPI describes the header, which has its effect before FastAPI sees the request.
TIMEOUT_PARAMETER = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "number", "exclusiveMinimum": 0},
    "description": "Seconds after which the answer is of no use; it can only lower the server's.",
}


class JSONRoute(APIRoute):
    """A route whose endpoint takes a JSON body, as its first parameter, and the request.

    FastAPI describes it and leads the way to it. But the body is read, checked and handed over
    here: what FastAPI would do on the way (dependencies to be solved, contexts to be entered) is
    more than a quarter of what a prediction costs the event loop. And its own ``max_body_size``
    answers a body that is declared too large with a plain text, past every error handler; here it
    gets the error body that all refusals have.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the body's type, size and schema, and watch the clock."""
        endpoint = self.endpoint
        schema = next(iter(inspect.signature(endpoint).parameters.values())).annotation

        async def handle(request: Request) -> Response:
            ctx = app_context(request)
            own = RequestContext.of(request.scope)
            _check_content_type(request.headers.get("content-type"))
            _check_coding(request.headers.get("content-encoding"))
            if own.content_length > ctx.settings.max_body_bytes:
                raise _body_too_large(ctx.settings.max_body_bytes)
            seconds = _seconds(request, ctx.settings.request_seconds)
            try:
                async with asyncio.timeout(seconds):
                    with ctx.arrivals.body() as held:
                        body = await _read(request, ctx, held)
                        own.body_bytes = held.size
                        sent = _validated(schema, body, ctx.settings.max_inputs)
                        response: Response = await endpoint(sent, request)
                        return response
            except TimeoutError:
                raise DeadlinePassed(
                    f"The answer was not ready within {seconds:g} seconds. Retry, or allow more "
                    "time."
                ) from None
            except (ClientDisconnect, ClientGone):
                return Response(status_code=CLIENT_GONE)  # for the log: nobody will read it

        return handle


async def _read(request: Request, ctx: AppContext, held: Body) -> bytes:
    """Read the body, and refuse it as soon as it is too long, or its texts would find no room.

    Where a length is declared, admission has asked for the room.
    """
    limit, parts = ctx.settings.max_body_bytes, []
    declared = RequestContext.of(request.scope).content_length > 0
    async for part in request.stream():
        try:
            held.grow(len(part))
        except TooManyBytes:
            ctx.metrics.requests.rejected("bodies")
            raise _too_many_bytes(ctx.arrivals.max_held) from None
        if held.size > limit:
            raise _body_too_large(limit)
        if not declared:
            _check_room(held.size, ctx)
        parts.append(part)
    return b"".join(parts)


def _check_room(size: int, ctx: AppContext) -> None:
    """Refuse a body of so many bytes if its tokens could not wait."""
    try:
        ctx.model.check(ctx.arrivals.tokens + ctx.arrivals.expected(size))
    except Full as error:
        ctx.metrics.requests.rejected("queue")
        raise queue_full(error.seconds, ctx.settings.max_queued_tokens) from None
    except Closed:
        raise Unavailable(NOT_RUNNING) from None


def _validated(schema: type[BaseModel], body: bytes, max_inputs: int) -> BaseModel:
    body = body.removeprefix(codecs.BOM_UTF8)
    _check_values(body, MAX_VALUES + 2 * max_inputs)
    try:
        return schema.model_validate(orjson.loads(body) if body else None)
    except ValidationError as error:
        raise from_validation(error) from None
    except orjson.JSONDecodeError as error:
        raise not_json(error, body) from None


def _check_values(body: bytes, most: int) -> None:
    """Refuse a body of more values than any request needs, before any of them is made.

    A value is begun by a bracket, or stands behind a comma. Those in texts are left out, if it
    comes to that.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) <= most:
        return
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if bare.count(b'"') <= 4 * most:  # a value and its name
        bare = b"".join(bare.split(b'"')[::2])
    values = sum(bare.count(mark) for mark in (b",", b"[", b"{"))
    if values > most:
        raise TooLarge(
            f"The body has more than {most:,} values, which no request needs. Send one text, or a "
            "list of texts."
        )


def _seconds(request: Request, most: float) -> float:
    """Choose the request's time limit, in s: the server's, or a lower one of the caller's."""
    header = request.headers.get(TIMEOUT_HEADER)
    if header is None:
        return most
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise InvalidRequest(
            f"The header {TIMEOUT_HEADER} is {header[:MAX_ECHO]!r}. Send a number of seconds "
            "above 0."
        )
    return min(seconds, most)


def _check_content_type(value: str | None) -> None:
    if not _is_json(value or "none"):
        raise UnsupportedMediaType(
            f"The body is declared as {(value or 'nothing')[:MAX_ECHO]!r}. "
            "Send JSON with the header content-type: application/json."
        )


def _check_coding(value: str | None) -> None:
    coding = value or "identity"
    if coding.strip().lower() != "identity":
        raise UnsupportedMediaType(
            f"The body is declared with the content-encoding {coding[:MAX_ECHO]!r}. "
            "Send it as it is, without that header.",
            {"accept-encoding": "identity"},
        )


@lru_cache(maxsize=64)  # nearly everybody sends the same
def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )


def _too_many_bytes(most: int) -> Overloaded:
    return Overloaded(
        f"The bodies of all requests under way reach the limit of {most:,} bytes. Send smaller "
        "ones, or retry in 1 s.",
        {"retry-after": "1"},
    )


def _body_too_large(limit: int) -> TooLarge:
    # No "connection: close": a client that is still sending would find the connection reset, and
    # the sentence lost. The server drops the rest of the body as it comes.
    return TooLarge(
        f"The body is larger than {limit:,} bytes. Send fewer or shorter texts in one request."
    )
