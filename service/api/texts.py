"""The steps that /predict and /states share: from texts, through both queues, to results."""

import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request

from conveyor.model.text.tokenizer import Encoding
from conveyor.model.text.truncation import CHARACTERS_PER_TOKEN, Truncated, far_too_long
from conveyor.service.api.app_context import AppContext
from conveyor.service.api.caller import while_connected
from conveyor.service.api.request_context import RequestContext
from conveyor.service.api.schemas import TextsRequest
from conveyor.service.batching.batcher import Batcher
from conveyor.service.batching.errors import Closed, Full, TooCostly
from conveyor.service.batching.jobs import Tokenizing, cost
from conveyor.service.batching.protocols import JobKind, JobT
from conveyor.service.batching.request import Timed
from conveyor.service.errors import SHUTTING_DOWN, ServiceError, TooLarge, Unavailable, queue_full

# Characters whose tokens get their offsets at once; of more, it is first seen whether they are too
# many, as a token's offsets take four times the memory of the token.
LOCATED_AT_ONCE = 65_536

# {"label":,"score":0.00012345678}, with its comma, beside the label itself.
BYTES_PER_SCORE = 34


@dataclass(frozen=True)
class Tokenized:
    """The texts of a request as the model will read them, and the seconds of tokenizing."""

    encodings: list[Encoding]
    truncated: list[bool]
    seconds: float

    @property
    def tokens(self) -> int:
        """All tokens that the model will read."""
        return sum(len(encoding) for encoding in self.encodings)


async def tokenize(
    body: TextsRequest, request: Request, ctx: AppContext, *, offsets: bool
) -> Tokenized:
    """Encode the texts, with the offsets of their tokens or without.

    Raises TooLarge for too many, or one that is too long.
    An empty text has no tokens and is answered: it is classified by the initial state.
    """
    if len(body.inputs) > ctx.settings.max_inputs:
        raise TooLarge(
            f"There are {len(body.inputs):,} inputs, but one request takes at most "
            f"{ctx.settings.max_inputs:,}. Send them in several requests."
        )
    started = time.perf_counter()
    tokenizer = ctx.artifact.classifier.tokenizer
    if not body.truncate:
        for index, text in enumerate(body.inputs):
            if far_too_long(tokenizer, text, ctx.max_tokens):
                most = f"{len(text):,} characters, far more than the {ctx.max_tokens:,} tokens"
                raise _too_long(index, most)
    size = RequestContext.of(request.scope).body_bytes
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
    ctx.metrics.texts.tokenized(ids, sum(tokenized.truncated))
    ctx.arrivals.learn(size, tokenized.tokens)
    return tokenized


async def _ends(
    body: TextsRequest, request: Request, ctx: AppContext, *, offsets: bool
) -> list[Truncated]:
    """Encode the end of each text. Raises TooLarge if the tokens exceed a limit."""
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
    kind: JobKind[JobT],
    jobs: Sequence[JobT],
    tokenized: Tokenized,
    request: Request,
    ctx: AppContext,
) -> Timed[Any]:
    """Let the model do these jobs, one for each text, and return its results.

    Raises Overloaded, TooLarge or Unavailable, and ClientGone once nobody waits for them.
    """
    costs = [cost(encoding) for encoding in tokenized.encodings]
    waiting = _submit(ctx.model, kind, jobs, costs, request, ctx)
    path = request.scope["route"].path
    ctx.metrics.requests.accepted(path)
    RequestContext.of(request.scope).accepted = True
    async with while_connected(request.receive):
        return await waiting


def _submit(
    batcher: Batcher,
    kind: JobKind[JobT],
    jobs: Sequence[JobT],
    costs: Sequence[int],
    request: Request,
    ctx: AppContext,
) -> Coroutine[Any, Any, Timed[Any]]:
    client = RequestContext.of(request.scope).client
    try:
        waiting = batcher.submit(client, kind, jobs, costs)
    except TooCostly:
        raise _too_many(len(jobs), ctx) from None
    except (Full, Closed) as error:
        raise refusal(error, ctx) from None
    return _result(waiting, ctx)


async def _result(waiting: Coroutine[Any, Any, Timed[Any]], ctx: AppContext) -> Timed[Any]:
    try:
        return await waiting
    except Closed as error:
        raise refusal(error, ctx) from None


def refusal(error: Full | Closed, ctx: AppContext) -> ServiceError:
    """Make the error for texts that the queue does not take, or lets go."""
    if isinstance(error, Closed):
        return Unavailable(SHUTTING_DOWN)
    ctx.metrics.requests.rejected("queue")
    return queue_full(error.seconds, ctx.settings.max_queued_tokens)


def _too_many(texts: int, ctx: AppContext) -> TooLarge:
    return TooLarge(
        f"The {texts:,} texts of this request exceed the queue "
        f"({ctx.settings.max_queued_tokens:,} tokens). Send them in several requests."
    )


def _too_long(index: int, length: str) -> TooLarge:
    return TooLarge(
        f"inputs[{index}] has {length} that the model reads. "
        'Shorten it, or send "truncate": true to have its end read.'
    )


def score_bytes(labels: Sequence[str], count: int) -> int:
    """Estimate the JSON of so many labels' scores for one text, in bytes."""
    return count * (max(len(orjson.dumps(label)) for label in labels) + BYTES_PER_SCORE)


def check_answer(size: int, what: str, fewer: str, ctx: AppContext) -> None:
    """Refuse an answer before it is computed if it would be too large, in bytes."""
    limit = ctx.settings.max_response_bytes
    if size > limit:
        raise TooLarge(
            f"{what} would be about {size:,} bytes, but an answer has at most {limit:,}. {fewer}."
        )


def timing_headers(tokenized: Tokenized, timed: Timed[object]) -> dict[str, str]:
    """Make the headers with the milliseconds of each stage, and the number of tokens."""
    return {
        "x-tokenization-time": milliseconds(tokenized.seconds),
        "x-queue-time": milliseconds(timed.queued),
        "x-inference-time": milliseconds(timed.ran),
        "x-compute-tokens": str(tokenized.tokens),
    }


def milliseconds(seconds: float) -> str:
    """Write a duration, in s, in milliseconds for a header."""
    return f"{seconds * 1000:.3f}"
