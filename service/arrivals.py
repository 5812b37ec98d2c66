"""What is on its way to the queue: let in, but not tokenized yet, so that its tokens are a guess.

Without the guess, each request that comes while the queue is all but full would be read and
tokenized before it is refused, and a flood would spend the processor on refusals.
"""

from dataclasses import dataclass

# How much of the requests before a request leaves in memory, for the ratio of bytes to tokens.
MEMORY = 0.99

# The ratio before there was any request: about that of English text with its JSON around it.
BYTES_PER_TOKEN = 5.0


@dataclass
class Arrivals:
    """All requests that are on their way, and what such requests have come to so far."""

    tokens: float = 0.0
    _seen_bytes: float = BYTES_PER_TOKEN
    _seen_tokens: float = 1.0

    def expected(self, size: int) -> float:
        """The tokens of a body of so many bytes."""
        return size * self._seen_tokens / self._seen_bytes

    def begin(self, size: int) -> "Arrival":
        """A request with a body of so many bytes is let in."""
        arrival = Arrival(self, size, self.expected(size))
        self.tokens += arrival.tokens
        return arrival

    def learn(self, size: int, tokens: int) -> None:
        """A body of so many bytes had so many tokens."""
        if size:
            self._seen_bytes = MEMORY * self._seen_bytes + size
            self._seen_tokens = MEMORY * self._seen_tokens + tokens


@dataclass
class Arrival:
    """One request, until it waits in the queue or is gone."""

    arrivals: Arrivals
    size: int
    tokens: float

    def counted(self, tokens: int) -> None:
        """It turned out to have so many tokens."""
        self.arrivals.learn(self.size, tokens)

    def end(self) -> None:
        """It waits in the queue, or it is gone; only the first time counts."""
        self.arrivals.tokens -= self.tokens
        self.tokens = 0.0
