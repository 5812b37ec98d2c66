"""Routes that take JSON: never more of it than the limit allows, and no longer than allowed."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message as ASGIMessage
from starlette.types import Receive

from service.errors import (
    LONGEST_ECHO,
    DeadlinePassed,
    InvalidRequest,
    TooLarge,
    UnsupportedMediaType,
)
from service.routes.connection import CLIENT_GONE, ClientGone
from service.routes.context import context

TIMEOUT_HEADER = "x-request-timeout"

# As OpenAPI describes the header, which has its effect before FastAPI sees the request.
TIMEOUT_PARAMETER = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "number", "exclusiveMinimum": 0},
    "description": "Seconds after which the answer is of no use; it can only lower the server's.",
}


class JSONRoute(APIRoute):
    """A route that takes a JSON body.

    FastAPI's own ``max_body_size`` answers a body that is declared too large with a plain text of
    its own, past every error handler; here it gets the error body that all refusals have.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the body's type and size before FastAPI reads it, and watch the clock."""
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            limit = context(request).settings.max_body_bytes
            _check_content_type(request.headers.get("content-type"))
            if int(request.headers.get("content-length", 0)) > limit:
                raise _body_too_large(limit)
            seconds = _seconds(request, context(request).settings.request_seconds)
            bounded = Request(request.scope, _bounded(request.receive, limit))
            try:
                async with asyncio.timeout(seconds):
                    return await handle(bounded)
            except TimeoutError:
                raise DeadlinePassed(
                    f"The answer was not there within {seconds:g} seconds: try again, or allow "
                    "more time."
                ) from None
            except ClientGone:
                return Response(status_code=CLIENT_GONE)  # for the log: nobody will read it

        return check_and_handle


def _seconds(request: Request, most: float) -> float:
    """How long the request may take: what the server allows, or less if the caller says so."""
    header = request.headers.get(TIMEOUT_HEADER)
    if header is None:
        return most
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise InvalidRequest(
            f"The header {TIMEOUT_HEADER} is {header[:LONGEST_ECHO]!r}: send a number of seconds "
            "above 0."
        )
    return min(seconds, most)


def _check_content_type(value: str | None) -> None:
    message = Message()
    message["content-type"] = value or "none"
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (
        subtype == "json" or subtype.endswith("+json")
    ):
        raise UnsupportedMediaType(
            f"The body is declared as {(value or 'nothing')[:LONGEST_ECHO]!r}: "
            "send JSON with the header content-type: application/json."
        )


def _bounded(receive: Receive, limit: int) -> Receive:
    """Refuse a body while it arrives, as soon as it is longer than ``limit`` bytes."""
    size = 0

    async def receive_bounded() -> ASGIMessage:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _body_too_large(limit)
        return message

    return receive_bounded


def _body_too_large(limit: int) -> TooLarge:
    # No "connection: close": a client that is still sending would find the connection reset, and
    # the sentence lost. The server drops the rest of the body as it comes.
    return TooLarge(
        f"The body is larger than {limit:,} bytes: send fewer or shorter texts in one request."
    )
