"""What a caller accepts: an answer's media type and its compression (RFC 9110, section 12.5)."""

from collections.abc import Sequence

from werkzeug.datastructures import Accept, MIMEAccept
from werkzeug.http import parse_accept_header


def media_type(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the caller likes best, the first among equals; None if it accepts none.

    Without the header, or with one that says nothing, everything is accepted.
    """
    wishes = parse_accept_header(accept, MIMEAccept)
    if not wishes:
        return offers[0]
    # Some clients name the encoding that JSON has anyway.
    named = [f"{offer}{suffix}" for suffix in ("", "; charset=utf-8") for offer in offers]
    best = wishes.best_match(named)
    return best.partition(";")[0] if best else None


def content_coding(accept_encoding: str | None, offers: Sequence[str]) -> str | None:
    """The compression that the caller likes best, the first among equals; None for none."""
    wishes = parse_accept_header(accept_encoding, Accept)
    best = wishes.best_match([*offers, "identity"])
    return None if best == "identity" else best
