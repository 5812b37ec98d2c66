"""Compressing an answer, for callers who ask for it, where it pays."""

import gzip
from collections.abc import Callable

import zstandard

# Below this, in bytes, an answer fits into a packet or two anyway.
WORTH_COMPRESSING = 2048

# The fastest levels: on states as JSON, higher ones took two to eleven times as long, for answers
# that were an eighth smaller at best (docs/performance.md).
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstandard.ZstdCompressor(level=1).compress,
    "gzip": lambda body: gzip.compress(body, compresslevel=1, mtime=0),
}
