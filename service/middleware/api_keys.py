"""API keys: the callers that are admitted."""

import os
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from conveyor.service.failures import StartError
from conveyor.service.settings import Settings

# Thousands of keys; whatever is larger is another file.
MAX_BYTES = 2**20

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# What no header can carry (RFC 9110, section 5.5), so that no caller could show such a key.
CONTROLS = frozenset([*range(32), 127])


class NoKeys(StartError):
    """Keys are asked for, but there are none; the text is one sentence for the operator."""


@dataclass(frozen=True)
class Keys:
    """The digests of the keys: the time to find one depends on its digest alone."""

    indices: dict[bytes, int] = field(repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """Read the keys that the settings name; None if none are required.

        Raises NoKeys, or OSError for a file that cannot be read.
        """
        if settings.api_keys is None and settings.api_keys_file is None:
            return None
        keys = os.fsencode(settings.api_keys or "").split(b",")  # the bytes that were given
        if settings.api_keys_file is not None:
            keys += _lines(settings.api_keys_file)
        found = dict.fromkeys(key.strip() for key in keys if key.strip())
        if not found:
            raise NoKeys("API keys are asked for, but there is none: give at least one.")
        if any(CONTROLS & set(key) for key in found):
            raise NoKeys("An API key has a control character in it, which no header can carry.")
        return cls({_digest(key): index for index, key in enumerate(found)})

    def match(self, authorization: str | None) -> int | None:
        """Find the key of a header ``Authorization: Bearer KEY`` by its index; None if unlisted.

        Headers are bytes, of which the server makes characters by Latin-1.
        """
        scheme, _, key = (authorization or "").encode("latin-1", "replace").partition(b" ")
        return self.indices.get(_digest(key.strip())) if scheme.lower() == b"bearer" else None


def _lines(path: Path) -> list[bytes]:
    """Read the lines of a file of keys, as the bytes that callers send."""
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for whoever writes into it
        raise NoKeys(f"{path} is no file: --api-keys-file is a file with one key a line.")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise NoKeys(f"{path} is larger than {MAX_BYTES:,} bytes: it should have one key a line.")
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise NoKeys(f"{path}, line {line} is no UTF-8: save the file of keys as UTF-8.") from None
    return content.splitlines()


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
