"""HTTP/1.1 by hand on a socket: cheaper than a client library, and able to hang up at any byte."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def post(path: str, body: object, **headers: str) -> bytes:
    """Build the bytes of a request; underscores in headers stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "host: test",
        "content-type: application/json",
        f"content-length: {len(content)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Connection:
    """One connection, which is kept open from request to request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> Self:
        host, port = url.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, request: bytes) -> None:
        self._writer.write(request)
        await self._writer.drain()

    async def receive(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(first.split()[1]), headers, body)

    async def ask(self, request: bytes) -> Answer:
        await self.send(request)
        return await self.receive()

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Hang up as a process does that is killed: at once, and unmistakably."""
        own = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def closed(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def connect(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open so many connections, all closed in the end."""
    connections = [await Connection.open(url) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
        for connection in connections:
            await connection.closed()
