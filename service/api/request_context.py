"""One request as the service itself knows it, from its first middleware to its log line.

The outermost middleware of ours begins it, and all others find it in the request's ASGI scope.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Self

from starlette.datastructures import Headers
from starlette.types import Scope

KEY = "conveyor.request"

# Digits of the longest content-length that is believed.
MAX_DIGITS = 18


@dataclass
class RequestContext:
    """The caller of a request, the size of its body, and its way through the queue."""

    client: Hashable  # who takes turns with others: an address, or the index of an API key
    content_length: int  # bytes that the body is declared to have; 0 if that is unknown
    body_bytes: int = 0  # that have been read
    accepted: bool = False  # by the queue of the model

    @classmethod
    def begin(cls, scope: Scope) -> Self:
        """Make the context of a new request, and enter it in the request's scope."""
        address = (scope.get("client") or ("",))[0]
        context = cls(address, content_length(Headers(scope=scope)))
        scope[KEY] = context
        return context

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """Find the context of a request that has begun."""
        context: Self = scope[KEY]
        return context


def content_length(headers: Mapping[str, str]) -> int:
    """Read how many bytes a body is declared to have; 0 if that is not a plain number."""
    length = headers.get("content-length", "")
    plain = length.isascii() and length.isdigit() and len(length) <= MAX_DIGITS
    return int(length) if plain else 0
