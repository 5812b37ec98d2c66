"""Compressing an answer, for callers who ask for it, where it pays."""

import gzip
from collections.abc import Callable

import zstandard

# Below this, in bytes, an answer fits into a packet or two anyway.
WORTH_COMPRESSING = 2048

# The fastest of each: on states as JSON, higher ones took two to eleven times as long, for answers
# that were an eighth smaller at best (docs/performance.md).
LEVEL = 1


def _zstd(body: bytes) -> bytes:
    # A compressor of its own for each answer: one that two threads use at once ends the process.
    return zstandard.ZstdCompressor(level=LEVEL).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=LEVEL, mtime=0)


CODINGS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}
