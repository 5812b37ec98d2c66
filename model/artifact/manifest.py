"""Manifest: SHA256SUMS, the hash of each file that decides a model's answers.

In the format of coreutils, so that ``sha256sum --check SHA256SUMS`` reads it, and
``sha256sum FILE... > SHA256SUMS`` writes it anew where a file was changed on purpose.
"""

import hashlib
import re
from collections.abc import Mapping

MANIFEST = "SHA256SUMS"
# Of a handful of files; people may add others.
MANIFEST_BYTES = 2**16

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]([^/]+)")


def manifest(content: Mapping[str, bytes]) -> bytes:
    """Write the manifest of these files, by name."""
    return "".join(f"{digest(each)}  {name}\n" for name, each in content.items()).encode()


def read_manifest(content: bytes) -> dict[str, str]:
    """Read the hashes by file. Raises ValueError with what is wrong, as a clause."""
    sums: dict[str, str] = {}
    for number, line in enumerate(content.decode().splitlines(), 1):
        if not (found := _LINE.fullmatch(line)):
            raise ValueError(f"line {number} is not a SHA-256 and the name of a file")
        file, hashed = found[2], found[1].lower()
        if sums.setdefault(file, hashed) != hashed:
            raise ValueError(f"line {number} has another SHA-256 of {file} than a line before it")
    return sums


def digest(content: bytes) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
