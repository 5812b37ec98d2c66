"""A caller that hangs up before its answer is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

# What nginx logs for a request whose client has closed the connection; no answer is sent.
CLIENT_GONE = 499


class ClientGone(Exception):
    """The client has hung up before its answer was there."""


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Cancel what is awaited inside, and raise ClientGone, as soon as the client hangs up.

    For after the body has been read: the next message then is the end of the connection. The
    server does not cancel the handler by itself.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # As `asyncio.timeout` does it: somebody else may have cancelled the task as well.
        if gone and task.uncancel() <= 0:
            raise ClientGone from None
        raise
    finally:
        watcher.cancel()
