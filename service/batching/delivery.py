"""The way of results from a batcher's thread to the event loops of those who await them."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from conveyor.service.batching.request import Request, Timed

logger = logging.getLogger("conveyor.batcher")

Outcome = tuple[Request, Timed[Any] | Exception]


def deliver(outcomes: Iterable[Outcome]) -> None:
    """Resolve the callers' futures on their event loops, each of which is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for request, outcome in outcomes:
        if not request.over:
            by_loop.setdefault(request.loop, []).append((request, outcome))
    for loop, delivered in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, delivered)
        except RuntimeError:  # the loop is closed, and nobody waits for the answer
            logger.debug("An answer came after the end of its event loop")


def _resolve(outcomes: Iterable[Outcome]) -> None:
    for request, outcome in outcomes:
        if request.future.done():
            continue
        if isinstance(outcome, Exception):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)
