"""The load on its way to the queue: bodies while they are read, texts while they are tokenized.

How many tokens a body will come to is a guess. Without it, each request that comes while the queue
is all but full would be read and tokenized before it is refused, and a flood would spend the
processor on refusals.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# The weight that each request leaves to those before it, in the ratio of bytes to tokens.
DECAY = 0.99

# The ratio before there was any request: about that of English text with its JSON around it.
BYTES_PER_TOKEN = 5.0

# What each request may hold of its body, in bytes, however many there are; beyond that, all bodies
# together are no larger than so many of the largest.
FREE_BYTES = 65_536
LARGEST_BODIES = 16


class TooManyBytes(Exception):
    """The bodies that are held exceed their limit."""


@dataclass
class Body:
    """The part of a request's body that has been read."""

    arrivals: "Arrivals"
    size: int = 0

    def grow(self, size: int) -> None:
        """Hold so many bytes more. Raises TooManyBytes, and holds them all the same."""
        before, self.size = self.beyond, self.size + size
        self.arrivals.held += self.beyond - before
        if self.beyond and self.arrivals.held > self.arrivals.max_held:
            raise TooManyBytes

    @property
    def beyond(self) -> int:
        """The bytes of it beyond those that each request may hold."""
        return max(0, self.size - FREE_BYTES)


@dataclass
class Arrivals:
    """The bytes and tokens that are on their way, and the ratio of both in the bodies so far.

    ``max_held`` bounds what all requests together hold of their bodies, in bytes, beyond what each
    of them may.
    """

    max_held: int
    held: int = 0
    tokens: float = 0.0
    _seen_bytes: float = BYTES_PER_TOKEN
    _seen_tokens: float = 1.0

    def expected(self, size: int) -> float:
        """Estimate the tokens of a body of so many bytes."""
        return size * self._seen_tokens / self._seen_bytes

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Hold what arrives of a request's body, until the context ends."""
        body = Body(self)
        try:
            yield body
        finally:
            self.held -= body.beyond

    @contextmanager
    def on_its_way(self, size: int) -> Iterator[None]:
        """Count a body of so many bytes as being tokenized, until the context ends."""
        tokens = self.expected(size)
        self.tokens += tokens
        try:
            yield
        finally:
            self.tokens -= tokens

    def learn(self, size: int, tokens: int) -> None:
        """Note that a body of so many bytes, 0 if that is unknown, had so many tokens."""
        if size:
            self._seen_bytes = DECAY * self._seen_bytes + size
            self._seen_tokens = DECAY * self._seen_tokens + tokens
