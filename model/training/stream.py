"""Many texts as one stream of tokens, read in rows side by side, a window at a time.

Shapes in comments: B rows, L steps of a row, T steps of a window.
"""

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from conveyor.model.text.tokenizer import PAD_ID

# Stands before and after each text. Texts hold no padding, and its embedding is zero: a network
# that knows what comes after it knows how texts begin.
SEPARATOR = PAD_ID


def stream(ids: Sequence[NDArray[np.int32]], order: Sequence[int]) -> NDArray[np.int32]:
    """Join the token ids of texts, in this order, with a separator before, between and after."""
    separator = np.array([SEPARATOR], np.int32)
    pieces = [separator]
    for index in order:
        pieces += [ids[index], separator]
    return np.concatenate(pieces)


def shuffled(texts: int, seed: int, epoch: int) -> list[int]:
    """Shuffle the texts of an epoch: their order, the same whenever it is asked for."""
    rng = random.Random(f"{seed} {epoch}")  # noqa: S311 - not a secret
    return rng.sample(range(texts), texts)


def rows(tokens: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """Cut a stream into ``count`` rows, or fewer if it is short: (L+1, B), steps first.

    Each row ends with the token that the next begins with, so that every token but the first is a
    target once. What is left over at the end, fewer than B tokens, is not read.
    """
    count = min(count, len(tokens) - 1)
    length = (len(tokens) - 1) // count
    starts = np.arange(count) * length
    cut: NDArray[np.int32] = tokens[starts + np.arange(length + 1)[:, None]]
    return cut


def windows(length: int, bptt: int) -> Iterator[slice]:
    """Yield slices of L+1 steps, ``bptt`` + 1 at a time; each begins with the last one's last."""
    return (slice(start, min(start + bptt, length) + 1) for start in range(0, length, bptt))


def window_count(tokens: int, count: int, bptt: int) -> int:
    """Count the windows of a stream of so many tokens, in ``count`` rows."""
    return math.ceil((tokens - 1) // min(count, tokens - 1) / bptt)
