"""API keys: which callers are let in."""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from service.settings import Settings


class NoKeys(Exception):
    """Keys are asked for, but there are none; the text is one sentence for the operator."""


@dataclass(frozen=True)
class Keys:
    """The keys, as digests of one length, so that comparing them tells nothing about them."""

    digests: tuple[bytes, ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The keys that the settings name; None if none are asked for.

        Raises NoKeys, or OSError for a file that cannot be read.
        """
        if settings.api_keys is None and settings.api_keys_file is None:
            return None
        keys = (settings.api_keys or "").split(",")
        if settings.api_keys_file is not None:
            keys += settings.api_keys_file.read_text().splitlines()
        found = [key.strip() for key in keys if key.strip()]
        if not found:
            raise NoKeys("API keys are asked for, but there is none: give at least one.")
        return cls(tuple(_digest(key) for key in found))

    def match(self, authorization: str | None) -> int | None:
        """Which key (its place) is in a header ``Authorization: Bearer KEY``; None for none.

        Takes the same time whichever it is.
        """
        scheme, _, key = (authorization or "").partition(" ")
        shown = _digest(key.strip())
        matches = [hmac.compare_digest(shown, digest) for digest in self.digests]
        return matches.index(True) if scheme.lower() == "bearer" and any(matches) else None


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
