"""The way that /predict and /states share: from checked texts, through both queues, to results."""

import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import Request

from model.text.tokenizer import Encoding
from model.text.truncation import CHARACTERS_PER_TOKEN, Truncated, far_too_long
from service.api.caller import while_connected
from service.api.context import Context
from service.api.schemas import TextsRequest
from service.batching.batcher import Batcher, Closed, Full, Kind, Timed, TooCostly
from service.batching.jobs import Tokenizing, cost
from service.errors import ServiceError, TooLarge, Unavailable, queue_full

WorkT = TypeVar("WorkT")

# Characters whose tokens get their places at once; of more, it is first seen whether they are too
# many, as a token's place takes four times the memory of the token.
LOCATED_AT_ONCE = 65_536

# {"label":,"score":0.00012345678}, with its comma, beside the label itself.
BYTES_PER_SCORE = 34


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


async def tokenize(
    body: TextsRequest, request: Request, ctx: Context, *, offsets: bool
) -> Tokenized:
    """Encode the texts, with the places of their tokens or without.

    Raises TooLarge for too many, or one that is too long.
    An empty text has no tokens and is answered: the model judges it by its initial state.
    """
    if len(body.inputs) > ctx.settings.max_inputs:
        raise TooLarge(
            f"There are {len(body.inputs):,} inputs, but one request takes at most "
            f"{ctx.settings.max_inputs:,}: send them in several requests."
        )
    started = time.perf_counter()
    tokenizer = ctx.artifact.classifier.tokenizer
    if not body.truncate:
        for index, text in enumerate(body.inputs):
            if far_too_long(tokenizer, text, ctx.max_tokens):
                most = f"{len(text):,} characters, far more than the {ctx.max_tokens:,} tokens"
                raise _too_long(index, most)
    size = request.scope["conveyor.bytes"]
    with ctx.arrivals.on_its_way(size):
        small = sum(map(len, body.inputs)) <= LOCATED_AT_ONCE
        read = await _ends(body, request, ctx, offsets=offsets and small)
        if offsets and not small:
            read = await _ends(body, request, ctx, offsets=True)
    tokenized = Tokenized(
        [end.encoding for end in read],
        [end.cut for end in read],
        time.perf_counter() - started,
    )
    ids = [encoding.ids for encoding in tokenized.encodings]
    ctx.metrics.tokenized(ids, sum(tokenized.truncated))
    ctx.arrivals.learn(size, tokenized.tokens)
    return tokenized


async def _ends(
    body: TextsRequest, request: Request, ctx: Context, *, offsets: bool
) -> list[Truncated]:
    """The last tokens of each text. Raises TooLarge if there are more than may be."""
    kind = Tokenizing(ctx.artifact.classifier, ctx.max_tokens, offsets)
    most = ctx.max_tokens * CHARACTERS_PER_TOKEN
    costs = [min(len(text), most) + 1 for text in body.inputs]
    timed = await _submit(ctx.tokenizer, kind, body.inputs, costs, request, ctx)
    read: list[Truncated] = timed.results
    for index, end in enumerate(read):
        if end.cut and not body.truncate:
            raise _too_long(index, f"more than {ctx.max_tokens:,} tokens, the most")
    if sum(cost(end.encoding) for end in read) > ctx.settings.max_queued_tokens:
        raise _too_many(len(read), ctx)
    return read


async def infer(
    kind: Kind[WorkT], works: Sequence[WorkT], tokenized: Tokenized, request: Request, ctx: Context
) -> Timed[Any]:
    """The model's results for these works, one for each text.

    Raises Overloaded, TooLarge or Unavailable, and ClientGone once nobody waits for them.
    """
    costs = [cost(encoding) for encoding in tokenized.encodings]
    waiting = _submit(ctx.model, kind, works, costs, request, ctx)
    path = request.scope["route"].path
    ctx.metrics.accepted(path)
    request.scope["conveyor.accepted"] = True
    async with while_connected(request.receive):
        return await waiting


def _submit(
    batcher: Batcher,
    kind: Kind[WorkT],
    works: Sequence[WorkT],
    costs: Sequence[int],
    request: Request,
    ctx: Context,
) -> Coroutine[Any, Any, Timed[Any]]:
    try:
        waiting = batcher.submit(request.scope["conveyor.client"], kind, works, costs)
    except TooCostly:
        raise _too_many(len(works), ctx) from None
    except (Full, Closed) as error:
        raise refusal(error, ctx) from None
    return _result(waiting, ctx)


async def _result(waiting: Coroutine[Any, Any, Timed[Any]], ctx: Context) -> Timed[Any]:
    try:
        return await waiting
    except Closed as error:
        raise refusal(error, ctx) from None


def refusal(error: Full | Closed, ctx: Context) -> ServiceError:
    """What the caller is told if its texts cannot wait."""
    if isinstance(error, Closed):
        return Unavailable("The service is shutting down: send the request to another replica.")
    ctx.metrics.rejected("queue")
    return queue_full(error.seconds, ctx.settings.max_queued_tokens)


def _too_many(texts: int, ctx: Context) -> TooLarge:
    return TooLarge(
        f"The {texts:,} texts of this request are more than may wait, "
        f"{ctx.settings.max_queued_tokens:,} tokens: send them in several requests."
    )


def _too_long(index: int, length: str) -> TooLarge:
    return TooLarge(
        f"inputs[{index}] has {length} that the model reads: "
        'shorten it, or send "truncate": true to have its end read.'
    )


def score_bytes(labels: Sequence[str], count: int) -> int:
    """About how much JSON the scores of so many labels are for one text, in bytes."""
    return count * (max(len(orjson.dumps(label)) for label in labels) + BYTES_PER_SCORE)


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
