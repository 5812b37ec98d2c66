"""Content negotiation: an answer's media type and its compression (RFC 9110, section 12.5)."""

from collections.abc import Sequence

from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header

# Characters of a header that are looked at: browsers send 150. Of 32 KB of wishes to compare, which
# took the event loop 0.3 s, nobody means each; and servers may disregard them (section 12.5.1).
MAX_CHARACTERS = 1024


def media_type(accept: str | None, offers: Sequence[str]) -> str | None:
    """Choose the offer that the caller prefers, the first among equals; None if it accepts none.

    Without the header, or with one that says nothing or far too much, everything is accepted.
    """
    wishes = parse_accept_header(_bounded(accept), MIMEAccept)
    if not wishes:
        return offers[0]
    # Some clients name the encoding that JSON has anyway.
    named = [f"{offer}{suffix}" for suffix in ("", "; charset=utf-8") for offer in offers]
    best = wishes.best_match(named)
    return best.partition(";")[0] if best else None


def content_coding(accept_encoding: str | None, offers: Sequence[str]) -> str | None:
    """Choose the compression that the caller prefers, the first among equals; None for none."""
    wishes = parse_accept_header(_bounded(accept_encoding), Accept)
    best = wishes.best_match([*offers, "identity"])
    return None if best == "identity" else best


def _bounded(header: str | None) -> str | None:
    """Take the header, or None if it is longer than any that is meant."""
    return header if header and len(header) <= MAX_CHARACTERS else None
