"""A tiny application behind real connections, and callers that send it bytes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from conveyor.service.protocol.connection import Connection
from conveyor.service.protocol.connections import Connections

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
LARGE = 8 * 2**20


class App:
    """Answers each request when it is let to, and tells who hung up."""

    def __init__(self) -> None:
        self.answer = b"answer"
        self.go = asyncio.Event()
        self.go.set()
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()
        self.reads = True
        self.paths: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        body, more = b"", self.reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        self.begun.set()
        waits = asyncio.ensure_future(self.go.wait())
        hangs_up = asyncio.ensure_future(_disconnect(receive))
        await asyncio.wait([waits, hangs_up], return_when=asyncio.FIRST_COMPLETED)
        if hangs_up.done():
            self.gone.set()
        hangs_up.cancel()
        headers = [(b"content-length", str(len(self.answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.answer})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Caller:
    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def read(self, until: bytes = b"") -> bytes:
        """What comes until these bytes, or the end."""
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while not (until and until in found):
                data = await self._loop.sock_recv(self.socket, 65_536)
                if not data:
                    break
                found += data
        return found


@contextlib.asynccontextmanager
async def serving(
    app: App, connections: Connections
) -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
    loop = asyncio.get_running_loop()
    make = partial(Connection, connections, config, ServerState(), {})
    server = await loop.create_server(make, "127.0.0.1", 0)
    callers: list[Caller] = []

    async def call(**options: int) -> Caller:
        own = socket.socket()
        own.setblocking(False)
        for name, value in options.items():
            own.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        await loop.sock_connect(own, server.sockets[0].getsockname())
        callers.append(Caller(own))
        return callers[-1]

    try:
        yield call
    finally:
        for caller in callers:
            caller.socket.close()
        server.close()


def run(
    test: Callable[[App, Any], Awaitable[None]], connections: Connections | None = None
) -> None:
    async def main() -> None:
        app = App()
        async with (
            asyncio.timeout(60),
            serving(
                app, Connections(100, 100, 2**30) if connections is None else connections
            ) as call,
        ):
            await test(app, call)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the server has it
        runner.run(main())


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
