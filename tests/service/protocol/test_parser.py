"""HTTP/1.1 that is let through: one table, and random bytes for h11 and for ours."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.service.protocol.parser import (
    BYTES_PER_CHUNK,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_SMALL_CHUNKS,
    Parser,
)

POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


def read(*pieces: bytes) -> list[object]:
    """The events up to the end of the first request, or the error's hint of a status."""
    parser, events = Parser(), []
    try:
        for piece in filter(None, pieces):  # nothing at all would be the end
            parser.receive_data(piece)
            while (event := parser.next_event()) is not h11.NEED_DATA:
                events.append(event)
                if isinstance(event, h11.EndOfMessage):
                    return events
    except h11.RemoteProtocolError as error:
        return [error.error_status_hint]
    return events


REFUSED = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
    "emoji in the path": "GET /\N{GRINNING FACE} HTTP/1.1\r\nhost: a\r\n\r\n".encode(),
    "space in the path": b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
    "NUL in the path": b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\nhost: a\r\n: b\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
    "lone CR in a value": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n",
    "folded first header": b"GET / HTTP/1.1\r\n host: a\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "two lengths in one": POST + b"content-length: 1, 2\r\n\r\nab",
    "length below zero": POST + b"content-length: -1\r\n\r\n",
    "length with a sign": POST + b"content-length: +1\r\n\r\na",
    "length in hex": POST + b"content-length: 0x1\r\n\r\na",
    "length without end": POST + b"content-length: " + b"9" * 5000 + b"\r\n\r\n",
    "empty length": POST + b"content-length:\r\n\r\n",
    "length and chunks": (
        POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "unknown coding": POST + b"transfer-encoding: gzip\r\n\r\n",
    "two codings": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding not quite chunked": POST + b"transfer-encoding: xchunked\r\n\r\n",
    "chunked twice": (POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"),
    "chunk of no size": CHUNKED + b"\r\n\r\n",
    "chunk with a sign": CHUNKED + b"+1\r\na\r\n0\r\n\r\n",
    "chunk in 0x": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "chunk below zero": CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "chunk longer than it says": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "chunk without end": CHUNKED + b"1" * 100 + b"\r\n",
    "chunks of a byte": CHUNKED + b"1\r\na\r\n" * (MAX_SMALL_CHUNKS * 2),
}
TOO_LARGE = {
    "path": b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    "header": b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
    "name": b"GET / HTTP/1.1\r\nhost: a\r\n" + b"a" * MAX_HEAD_BYTES + b": a\r\n\r\n",
    "headers": b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: a\r\n" * MAX_HEADERS + b"\r\n",
    "no end": b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: aaaaaaaa\r\n" * MAX_HEAD_BYTES,
    "trailers": CHUNKED + b"0\r\n" + b"x: a\r\n" * MAX_HEAD_BYTES + b"\r\n",
    "no line": b"a" * 2 * MAX_HEAD_BYTES,
}
READ = {
    "plain": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "an upgrade with a body": (
        POST + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\nabc"
    ),
    "one length twice": (POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc"),
    "chunks": CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n",
    "chunks and trailers": CHUNKED + b"3\r\nabc\r\n0\r\nx: a\r\n\r\n",
    "Latin-1 in a value": b"GET / HTTP/1.1\r\nhost: a\r\nx: \xe9\r\n\r\n",
    "nearly too much": (
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * (MAX_HEAD_BYTES - 99) + b"\r\n\r\n"
    ),
    "nearly too many": b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: a\r\n" * (MAX_HEADERS - 1) + b"\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    assert read(data) in ([400], [501], [505])


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_head_that_is_too_large_is_refused(data: bytes) -> None:
    assert read(data) == [431]


def test_a_head_that_is_far_too_large_is_not_parsed_even_if_it_is_all_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    parser = Parser()
    parser.receive_data(first + TOO_LARGE["no end"] + b"\r\n")
    assert isinstance(parser.next_event(), h11.Request)
    assert isinstance(parser.next_event(), h11.EndOfMessage)
    assert parser.next_event() is h11.PAUSED
    assert parser.trailing_data == (TOO_LARGE["no end"] + b"\r\n", False)
    parser.send(h11.Response(status_code=204, headers=[]))
    parser.send(h11.EndOfMessage())
    parser.start_next_cycle()
    monkeypatch.setattr(
        "conveyor.service.protocol.parser._check_head", None
    )  # what sees heads that were parsed
    with pytest.raises(h11.RemoteProtocolError, match="too large"):
        parser.next_event()


@pytest.mark.parametrize("end", [b"", b"\r\n"])
@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nhost: a\r\n", CHUNKED + b"0\r\n"])
def test_small_lines_are_refused_before_they_are_headers(start: bytes, end: bytes) -> None:
    parser = Parser()
    parser.receive_data(start + b"a:\r\n" * (MAX_HEAD_BYTES // 4 - 20) + end)
    with pytest.raises(h11.RemoteProtocolError) as caught:
        [parser.next_event() for _ in range(3)]
    assert caught.value.error_status_hint == 431
    begun, _ = parser.trailing_data
    assert begun.count(b"a:\r\n") > MAX_HEAD_BYTES // 4 - 40  # none of them was parsed


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_what_is_a_request_is_read_whole(data: bytes) -> None:
    events = read(data)
    assert isinstance(events[-1], h11.EndOfMessage)
    body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
    assert body == (b"abc" if b"abc" in data else b"")


def test_chunks_as_clients_send_them_have_no_bound() -> None:
    parser = Parser()
    parser.receive_data(CHUNKED)
    assert isinstance(parser.next_event(), h11.Request)
    chunk = b"%x\r\n%b\r\n" % (BYTES_PER_CHUNK, b"a" * BYTES_PER_CHUNK)
    for _ in range(MAX_SMALL_CHUNKS * 3):
        parser.receive_data(chunk)
        while parser.next_event() is not h11.NEED_DATA:
            pass


PARTS = st.sampled_from(
    [
        *(b"GET", b"POST", b" ", b"/", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b":", b"\0", b"\xff"),
        *(b"host: a\r\n", b"content-length: 3\r\n", b"transfer-encoding: chunked\r\n"),
        *(b"1\r\n", b"0\r\n\r\n"),
    ]
)


@given(st.lists(PARTS | st.binary(max_size=9), max_size=40), st.integers(1, 9))
def test_random_bytes_are_events_or_an_error_however_they_are_cut(
    parts: list[bytes], size: int
) -> None:
    data = b"".join(parts)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert kinds(read(*pieces)) == kinds(read(data))


def kinds(events: list[object]) -> list[type]:
    return [type(event) for event in events if not isinstance(event, h11.Data)]
