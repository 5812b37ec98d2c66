"""The format of an answer, by the caller's headers."""

import pytest
from werkzeug import http

from conveyor.service.api import negotiation
from conveyor.service.api.negotiation import MAX_CHARACTERS, content_coding, media_type

TYPES = ["application/json", "application/x-npz"]
CODINGS = ["zstd", "gzip"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/x-npz", "application/x-npz"),
        ("application/json;q=0.5, application/x-npz", "application/x-npz"),
        ("application/x-npz;q=0.5, application/*", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;q=0", None),
        ("image/png", None),
    ],
)
def test_the_media_type(accept: str | None, chosen: str | None) -> None:
    assert media_type(accept, TYPES) == chosen


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip, zstd;q=0.5", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip, identity", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("*", "zstd"),
    ],
)
def test_the_content_coding(accept_encoding: str | None, chosen: str | None) -> None:
    assert content_coding(accept_encoding, CODINGS) == chosen


@pytest.mark.parametrize("wish", ["a/b,", "text/html;q=0.1,", '"a",', "*/*;q=0,"])
def test_a_header_that_nobody_means_is_not_compared(
    wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    parse = http.parse_accept_header

    def watched(value: str | None, kind: type) -> object:
        seen.append(value)
        return parse(value, kind)

    monkeypatch.setattr(negotiation, "parse_accept_header", watched)
    header = wish * MAX_CHARACTERS
    assert media_type(header, TYPES) == TYPES[0]
    assert content_coding(header, ["zstd"]) is None
    assert seen == [None, None]
