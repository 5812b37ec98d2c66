"""Routes that take JSON: never more of it than the limit allows, and no longer than allowed."""

import asyncio
import inspect
import json
import math
from collections.abc import Callable, Coroutine
from email.message import Message
from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from service.errors import (
    LONGEST_ECHO,
    DeadlinePassed,
    InvalidRequest,
    TooLarge,
    UnsupportedMediaType,
    from_validation,
    not_json,
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
            settings = context(request).settings
            _check_content_type(request.headers.get("content-type"))
            if int(request.headers.get("content-length", 0)) > settings.max_body_bytes:
                raise _body_too_large(settings.max_body_bytes)
            seconds = _seconds(request, settings.request_seconds)
            try:
                async with asyncio.timeout(seconds):
                    body = await _read(request, settings.max_body_bytes)
                    response: Response = await endpoint(_validated(schema, body), request)
                    return response
            except TimeoutError:
                raise DeadlinePassed(
                    f"The answer was not there within {seconds:g} seconds: try again, or allow "
                    "more time."
                ) from None
            except (ClientDisconnect, ClientGone):
                return Response(status_code=CLIENT_GONE)  # for the log: nobody will read it

        return handle


async def _read(request: Request, limit: int) -> bytes:
    """The body; it is refused while it arrives, as soon as it is longer than ``limit`` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _body_too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _validated(schema: type[BaseModel], body: bytes) -> BaseModel:
    try:
        return schema.model_validate(json.loads(body) if body else None)
    except ValidationError as error:
        raise from_validation(error) from None
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


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
    if not _is_json(value or "none"):
        raise UnsupportedMediaType(
            f"The body is declared as {(value or 'nothing')[:LONGEST_ECHO]!r}: "
            "send JSON with the header content-type: application/json."
        )


@lru_cache(maxsize=64)  # nearly everybody sends the same
def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )


def _body_too_large(limit: int) -> TooLarge:
    # No "connection: close": a client that is still sending would find the connection reset, and
    # the sentence lost. The server drops the rest of the body as it comes.
    return TooLarge(
        f"The body is larger than {limit:,} bytes: send fewer or shorter texts in one request."
    )
