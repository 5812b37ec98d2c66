"""The errors that a caller can get, and the one body that all of them have.

ServiceError
├── MalformedJSON          400   the body is not JSON
├── MalformedRequest       400   the bytes are no request of HTTP/1.1
├── Unauthorized           401   the API key is missing or wrong
├── Forbidden              403   the page's origin is not allowed
├── NotFound               404   no such path
├── MethodNotAllowed       405   the path exists, the method does not
├── NotAcceptable          406   the answer has none of the accepted media types
├── RequestTimeout         408   a request has begun to arrive, and stopped
├── TooLarge               413   a limit is exceeded: bytes, inputs, tokens, answer
├── UnsupportedMediaType   415   the body is not declared as JSON
├── InvalidRequest         422   JSON, but not what the endpoint takes
├── Overloaded             429   the queue is full, or the most requests are under way
├── HeadersTooLarge        431   the request's headers exceed their limit
├── Internal               500   a fault of ours; the log holds the details
├── Unavailable            503   loading or shutting down
└── DeadlinePassed         504   the answer was not ready in time

The classes are the table: handlers and OpenAPI are both made from it.
"""

import math
from collections.abc import Mapping, Sequence
from json import JSONDecodeError
from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from conveyor.service.json_response import JSONResponse

MAX_ECHO = 60  # characters of a caller's input that an error repeats
EXAMPLE = '{"inputs": "a text"}'

SHUTTING_DOWN = "The service is shutting down. Send the request to another replica."
NOT_RUNNING = "The model is not running. Send the request to another replica."

# The type of pydantic's error about a field that there is not; its context has the name.
UNKNOWN_FIELD = "unknown_field"


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: str = Field(description="What is wrong, and what would be right.")
    error_type: str = Field(description="The kind of error, for programs.")


class ServiceError(HTTPException):
    """An error with a status, a type for programs and a sentence for people."""

    status: ClassVar[int]
    error_type: ClassVar[str]
    summary: ClassVar[str]

    def __init__(self, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.status, sentence, headers)


class MalformedJSON(ServiceError):
    """The body cannot be parsed."""

    status, error_type, summary = 400, "malformed_json", "The body is not valid JSON."


class MalformedRequest(ServiceError):
    """The bytes that arrived are not a request, so nothing of it is known."""

    status, error_type, summary = 400, "malformed_request", "This is not HTTP/1.1."


class Unauthorized(ServiceError):
    """The caller has not sent an API key that is listed."""

    status, error_type, summary = 401, "unauthorized", "An API key is missing or wrong."


class Forbidden(ServiceError):
    """The page that calls is of an origin that is not allowed."""

    status, error_type, summary = 403, "forbidden", "Pages of this origin may not call."


class NotFound(ServiceError):
    """There is nothing at this path."""

    status, error_type, summary = 404, "not_found", "There is nothing at this path."


class MethodNotAllowed(ServiceError):
    """The path exists, the method does not."""

    status, error_type, summary = 405, "method_not_allowed", "The path has other methods."


class NotAcceptable(ServiceError):
    """The answer has no media type that the caller accepts."""

    status, error_type, summary = 406, "not_acceptable", "No form of the answer is accepted."


class RequestTimeout(ServiceError):
    """The request did not arrive in time."""

    status, error_type, summary = 408, "request_timeout", "The request took too long to arrive."


class TooLarge(ServiceError):
    """A limit of the service or of the model is exceeded."""

    status, error_type, summary = 413, "too_large", "The body, a text or the answer is too large."


class UnsupportedMediaType(ServiceError):
    """The body is not declared as JSON."""

    status, error_type, summary = 415, "unsupported_media_type", "The body is not declared as JSON."


class InvalidRequest(ServiceError):
    """The body is JSON, but not what the endpoint takes."""

    status, error_type, summary = 422, "invalid_request", "The request asks for what cannot be."


class Overloaded(ServiceError):
    """The service has no room for the request now."""

    status, error_type, summary = 429, "overloaded", "The service is full; Retry-After says when."


class HeadersTooLarge(ServiceError):
    """The request's headers are larger, or more, than is allowed."""

    status, error_type, summary = 431, "headers_too_large", "The request's head is too large."


class Internal(ServiceError):
    """A fault of the service."""

    status, error_type, summary = 500, "internal", "A fault of the service; its log has details."


class Unavailable(ServiceError):
    """The service takes no traffic now."""

    status, error_type, summary = 503, "unavailable", "The service is not taking traffic now."


class DeadlinePassed(ServiceError):
    """The time for a request is over."""

    status, error_type, summary = 504, "deadline_passed", "The answer was not ready in time."


# Of two with one status, the framework means the first.
_BY_STATUS = {kind.status: kind for kind in reversed(ServiceError.__subclasses__())}


def documented(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Make the OpenAPI ``responses`` of an endpoint with these errors, and those that all have."""
    everywhere = [MalformedRequest, RequestTimeout, HeadersTooLarge]
    kinds: list[type[ServiceError]] = [*everywhere, *errors, Internal]
    return {kind.status: {"model": ErrorBody, "description": kind.summary} for kind in kinds}


def queue_full(seconds: float, max_tokens: int) -> Overloaded:
    """Make the refusal of a request while the queue is full, for so many seconds."""
    wait = max(1, math.ceil(seconds))
    return Overloaded(
        f"The queue is full (at most {max_tokens:,} tokens wait). Retry in {wait} s.",
        {"retry-after": str(wait)},
    )


def response(error: ServiceError) -> JSONResponse:
    """Make the answer that an error is."""
    body = ErrorBody(error=error.detail, error_type=error.error_type).model_dump()
    return JSONResponse(body, status_code=error.status, headers=error.headers)


def from_framework(error: HTTPException, request: Request) -> ServiceError:
    """Turn an error of the framework, such as an unknown path, into one of ours."""
    kind = _BY_STATUS.get(error.status_code, Internal)
    headers = dict(error.headers or {})
    if "Allow" in headers:  # it comes from a set, in another order after each start
        allowed = set(headers["Allow"].split(", "))
        headers["Allow"] = ", ".join(sorted(allowed | {"HEAD"} if "GET" in allowed else allowed))
    sentences = {
        NotFound: (
            f"There is nothing at {request.url.path[:MAX_ECHO]!r}. GET /docs lists the paths."
        ),
        MethodNotAllowed: f"The method {request.method[:MAX_ECHO]} is not allowed here. Send "
        f"{headers.get('Allow', 'GET').replace(', ', ' or ')}.",
    }
    return kind(sentences.get(kind, kind.summary), headers)


def not_json(error: JSONDecodeError, body: bytes) -> ServiceError:
    """Tell what the parser found wrong with a body, in its own words, and where."""
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return MalformedJSON(
            f"The body is not JSON in UTF-8: byte {wrong.start + 1} is {body[wrong.start]:#04x}."
        )
    return MalformedJSON(
        f"The body cannot be read as JSON: {error.msg}, at character {error.pos + 1}."
    )


def from_validation(error: ValidationError) -> ServiceError:
    """Tell the first thing that pydantic found wrong in a body."""
    found = error.errors(include_url=False, include_input=False)
    return InvalidRequest(_sentence(found[0]))


def _sentence(error: Mapping[str, Any]) -> str:
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    if kind == UNKNOWN_FIELD:
        location = _location((*error["loc"], error["ctx"]["name"]))
        return f"{location} is not a field of this request. GET /docs lists the fields."
    location = _location(error["loc"])
    if not location:
        return f"The body must be a JSON object such as {EXAMPLE}."
    if kind == "missing":
        return f"{location} is missing. Send an object such as {EXAMPLE}."
    if kind == "too_long":
        return f"{location} has more than {error['ctx']['max_length']:,} items."
    return f"{location} {message.removeprefix('Input ')}."


def _location(loc: Sequence[str | int]) -> str:
    """Write a location in the body: ("inputs", 3) -> inputs[3]. The caller's names are escaped."""
    location = ""
    for part in loc:
        name = str(part)
        shown = name if name.isidentifier() and name.isascii() else ascii(name)
        shown = shown if len(shown) <= MAX_ECHO else f"{shown[:MAX_ECHO]}..."
        location += f"[{part}]" if isinstance(part, int) else f".{shown}" if location else shown
    return location
