"""The way that /predict and /states share: from checked texts to tokens the model may read."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from model.tokenizer import Encoding
from service.errors import TooLarge
from service.inference import Timed
from service.routes.context import Context
from service.schemas import TextsRequest

# A text that is longer than this for each token it may have is not tokenized to be counted: words
# are shorter (5 to 6 characters with their space in English), and a megabyte takes a second.
CHARACTERS_PER_TOKEN = 32

# {"label":"","score":0.00012345678}, with its comma, beside the label itself.
BYTES_PER_SCORE = 36


@dataclass(frozen=True)
class Tokenized:
    """The texts of a request as the model will read them, and how long it took to get there."""

    encodings: list[Encoding]
    truncated: list[bool]
    seconds: float

    @property
    def tokens(self) -> int:
        """All tokens that the model will read."""
        return sum(len(encoding) for encoding in self.encodings)


async def tokenize(body: TextsRequest, ctx: Context) -> Tokenized:
    """Encode the texts off the event loop. Raises TooLarge for too many, or one that is too long.

    An empty text has no tokens and is answered: the model judges it by its initial state.
    """
    if len(body.inputs) > ctx.settings.max_inputs:
        raise TooLarge(
            f"There are {len(body.inputs):,} inputs, but one request takes at most "
            f"{ctx.settings.max_inputs:,}: send them in several requests."
        )
    return await asyncio.to_thread(_tokenize, body, ctx)


def _tokenize(body: TextsRequest, ctx: Context) -> Tokenized:
    started = time.perf_counter()
    encodings, truncated = [], []
    # One after the other: what a text costs before it is refused or cut is then paid only once.
    for index, text in enumerate(body.inputs):
        encoding, cut = _encode(index, text, body.truncate, ctx)
        encodings.append(encoding)
        truncated.append(cut)
    return Tokenized(encodings, truncated, time.perf_counter() - started)


def _encode(index: int, text: str, truncate: bool, ctx: Context) -> tuple[Encoding, bool]:
    """A text's encoding, and whether it is that of its end alone."""
    most = ctx.max_tokens * CHARACTERS_PER_TOKEN
    skipped = max(0, len(text) - most)
    if skipped and not truncate:
        raise _too_long(index, f"{len(text):,} characters", ctx)
    encoding = ctx.artifact.classifier.encode([text[skipped:]])[0]
    if len(encoding) > ctx.max_tokens and not truncate:
        raise _too_long(index, f"{len(encoding):,} tokens", ctx)
    cut = skipped > 0 or len(encoding) > ctx.max_tokens
    return encoding.last(ctx.max_tokens).shifted(skipped), cut


def _too_long(index: int, length: str, ctx: Context) -> TooLarge:
    return TooLarge(
        f"inputs[{index}] has {length}, but the model reads at most {ctx.max_tokens:,} tokens: "
        'shorten it, or send "truncate": true to have its end read.'
    )


def score_bytes(labels: Sequence[str], count: int) -> int:
    """About how much JSON the scores of so many labels are for one text, in bytes."""
    return count * (max(len(label.encode()) for label in labels) + BYTES_PER_SCORE)


def check_answer(size: int, what: str, fewer: str, ctx: Context) -> None:
    """Refuse an answer before it is computed if it would be too large, in bytes."""
    limit = ctx.settings.max_response_bytes
    if size > limit:
        raise TooLarge(
            f"{what} would be about {size:,} bytes, but an answer has at most {limit:,}: {fewer}."
        )


def timing_headers(tokenized: Tokenized, timed: Timed[object]) -> dict[str, str]:
    """How long each stage took, in milliseconds, and how many tokens it was about."""
    return {
        "x-tokenization-time": milliseconds(tokenized.seconds),
        "x-queue-time": milliseconds(timed.queued),
        "x-inference-time": milliseconds(timed.ran),
        "x-compute-tokens": str(tokenized.tokens),
    }


def milliseconds(seconds: float) -> str:
    """A duration as it stands in a header."""
    return f"{seconds * 1000:.3f}"
