"""What is on its way to the queue: read, but not tokenized yet, so that its tokens are a guess.

Without the guess, each request that comes while the queue is all but full would be read and
tokenized before it is refused, and a flood would spend the processor on refusals.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# How much of the requests before a request leaves in memory, for the ratio of bytes to tokens.
MEMORY = 0.99

# The ratio before there was any request: about that of English text with its JSON around it.
BYTES_PER_TOKEN = 5.0


# Digits of the longest length that is taken for one.
LONGEST_LENGTH = 18


def declared_bytes(headers: Mapping[str, str]) -> int:
    """How long a body says that it is; 0 where it does not, or not with a plain number."""
    length = headers.get("content-length", "")
    plain = length.isascii() and length.isdigit() and len(length) <= LONGEST_LENGTH
    return int(length) if plain else 0


@dataclass
class Arrivals:
    """The tokens that are on their way, and what the bodies so far have come to."""

    tokens: float = 0.0
    _seen_bytes: float = BYTES_PER_TOKEN
    _seen_tokens: float = 1.0

    def expected(self, size: int) -> float:
        """The tokens of a body of so many bytes."""
        return size * self._seen_tokens / self._seen_bytes

    @contextmanager
    def on_its_way(self, size: int) -> Iterator[None]:
        """While this lasts, a body of so many bytes is being tokenized."""
        tokens = self.expected(size)
        self.tokens += tokens
        try:
            yield
        finally:
            self.tokens -= tokens

    def learn(self, size: int, tokens: int) -> None:
        """A body of so many bytes, 0 if it is not known, had so many tokens."""
        if size:
            self._seen_bytes = MEMORY * self._seen_bytes + size
            self._seen_tokens = MEMORY * self._seen_tokens + tokens
