"""HTTP/1.1 by h11's rules, with bounds on what its parsing may cost.

h11 parses strictly and in Python: nothing that a caller sends can crash it. It was chosen over
httptools, which leaves the body of a request that offers `Upgrade: h2c` to be read as a request of
its own (uvicorn's issue 2722), and over zttp 0.0, which calls itself not yet ready for production.
docs/performance.md has what each costs.
"""

from typing import Any

import h11

# Of a request's line and headers together: half of what Apache allows, twice what nginx does.
MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100

# A body in chunks may have so many, and one more for each so many bytes of it: a chunk costs 10 µs,
# whatever is in it, and clients send kilobytes in each.
MAX_SMALL_CHUNKS = 1024
BYTES_PER_CHUNK = 64

# Bytes that h11 is given at a time. It reads whatever is whole among them in one go: a head of
# 256 KiB that comes at once, or lies behind another request, took it 0.3 s before it was refused.
AT_ONCE = 8192

VERSIONS = (b"1.0", b"1.1")

Event = Any  # an event of h11, or one of its two sentinels


class Parser(h11.Connection):
    """Reads one connection's requests; RemoteProtocolError says what is wrong, and its status."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD_BYTES)
        self._chunks = 0
        self._body_bytes = 0
        self._behind = bytearray()  # what h11 has not been given yet

    @property
    def trailing_data(self) -> tuple[bytes, bool]:
        """The bytes that are not an event yet, and True at the end of the stream."""
        begun, ended = super().trailing_data
        return begun + self._behind, ended

    def receive_data(self, data: bytes) -> None:
        """Take what has come; nothing at all is the end."""
        self._behind += data
        if not data:
            super().receive_data(data)

    def next_event(self) -> Event:
        """Read the next event of h11. Raises RemoteProtocolError beyond the bounds too."""
        event = super().next_event()
        while event is h11.NEED_DATA and self._behind:
            self._check_begun()
            super().receive_data(bytes(self._behind[:AT_ONCE]))
            del self._behind[:AT_ONCE]
            event = super().next_event()
        if event is h11.NEED_DATA:
            self._check_begun()
        if isinstance(event, h11.Request):
            self._chunks = self._body_bytes = 0
            _check_head(event)
        elif isinstance(event, h11.Data):
            self._check_chunk(event)
        return event

    def _check_begun(self) -> None:
        """Refuse too many lines before they are headers, each of which costs 5 µs.

        What h11 has left over is half a head, half the line of a chunk, or half the trailers.
        """
        begun, _ = super().trailing_data
        if begun.count(b"\n") > MAX_HEADERS + 1:
            raise _too_large()

    def _check_chunk(self, data: h11.Data) -> None:
        self._chunks += data.chunk_start
        self._body_bytes += len(data.data)
        if self._chunks > MAX_SMALL_CHUNKS + self._body_bytes // BYTES_PER_CHUNK:
            raise h11.RemoteProtocolError("the body comes in chunks that are far too small")


def _check_head(request: h11.Request) -> None:
    if request.http_version not in VERSIONS:
        raise h11.RemoteProtocolError("this is another version of HTTP", error_status_hint=505)
    headers = list(request.headers)
    size = len(request.target) + sum(len(name) + len(value) for name, value in headers)
    if size > MAX_HEAD_BYTES or len(headers) > MAX_HEADERS:
        raise _too_large()
    # A proxy that goes by the one where we go by the other sees requests that we do not.
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        raise h11.RemoteProtocolError("a body has a length or comes in chunks, not both")


def _too_large() -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError("the head is too large", error_status_hint=431)
