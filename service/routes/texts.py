"""The way that /predict and /states share: from checked texts to tokens the model may read."""

import asyncio
import time
from dataclasses import dataclass

from model.tokenizer import Encoding
from service.errors import TooLarge
from service.inference import Timed
from service.routes.context import Context
from service.schemas import TextsRequest


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
    started = time.perf_counter()
    full = await asyncio.to_thread(ctx.artifact.classifier.encode, body.inputs)
    truncated = [len(encoding) > ctx.max_tokens for encoding in full]
    if any(truncated) and not body.truncate:
        index = truncated.index(True)
        raise TooLarge(
            f"inputs[{index}] has {len(full[index]):,} tokens, but the model reads at most "
            f'{ctx.max_tokens:,}: shorten it, or send "truncate": true to have its end read.'
        )
    encodings = [encoding.last(ctx.max_tokens) for encoding in full]
    return Tokenized(encodings, truncated, time.perf_counter() - started)


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
