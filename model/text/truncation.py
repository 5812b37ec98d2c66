"""Truncation on the left: the last tokens of a text, without all that comes before them.

A text that is too long for the model is a matter of its last tokens alone. So it is read from the
end, in pieces that begin where a text can be cut, each four times as long as the one before, until
there are enough; and only the last one with the places of its tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conveyor.model.text.tokenizer import Encoding, Tokenizer

# Of a text that has more characters than this for each token that is wanted, white space aside,
# the rest is not looked at: words are shorter (5 to 6 characters with their space in English).
CHARACTERS_PER_TOKEN = 32

# Characters of the first piece for each token that is wanted.
FIRST = 4

# Characters at the end that are looked at together, whether they are white space.
AT_ONCE = 4096

# The white space that a text may have much of.
BLANKS = " \n\r\t\u00a0\u3000"


@dataclass(frozen=True)
class Truncated:
    """The last tokens of a text, with their places in it, and whether there are more."""

    encoding: Encoding
    cut: bool


def truncate(
    tokenizer: Tokenizer, texts: Sequence[str], count: int, *, offsets: bool
) -> list[Truncated]:
    """Encode the last ``count`` tokens of each text, with their offsets or without."""
    short = [index for index, text in enumerate(texts) if len(text) <= FIRST * count]
    encoded = tokenizer.encode([texts[index] for index in short], offsets=offsets)
    whole = dict(zip(short, encoded, strict=True))
    return [
        _truncate(tokenizer, text, count, offsets=offsets)
        if index not in whole
        else Truncated(whole[index].last(count), len(whole[index]) > count)
        for index, text in enumerate(texts)
    ]


def far_too_long(tokenizer: Tokenizer, text: str, count: int) -> bool:
    """Tell whether a text has more characters than can be read for so many tokens."""
    most = count * CHARACTERS_PER_TOKEN
    return len(text) > most and _reach(text, _stop(tokenizer, text), most) > 0


def _truncate(tokenizer: Tokenizer, text: str, count: int, *, offsets: bool) -> Truncated:
    stop = _stop(tokenizer, text)
    first = _reach(text, stop, count * CHARACTERS_PER_TOKEN)
    start = _enough(tokenizer, text[:stop], first, count)
    [encoding] = tokenizer.encode([text[start:stop]], offsets=offsets)
    cut = start > 0 or len(encoding) > count
    return Truncated(encoding.last(count).shifted(start), cut)


def _enough(tokenizer: Tokenizer, text: str, first: int, count: int) -> int:
    """Find where to begin, not before ``first``, so that more than ``count`` tokens follow."""
    size = FIRST * count
    while (start := len(text) - size) > first:
        if tokenizer.restart and (cut := tokenizer.restart.search(text, start, start + size // 2)):
            [encoding] = tokenizer.encode([text[cut.start() :]], offsets=False)
            if len(encoding) > count:
                return cut.start()
        size *= FIRST
    if first and tokenizer.boundary:
        cut = tokenizer.boundary.search(text, first, first + (len(text) - first) // 2)
        return cut.start() if cut else first
    return first


def _stop(tokenizer: Tokenizer, text: str) -> int:
    """Find where the text ends, and nothing but white space follows."""
    if not tokenizer.boundary:
        return len(text)
    stop = len(text)
    # For `rstrip` alone, millions of characters that are none of the first in its list take 0.5 s.
    while stop and tokenizer.blanks.fullmatch(text, start := max(0, stop - AT_ONCE), stop):
        stop = start
    start = max(0, stop - AT_ONCE)
    return start + len(text[start:stop].rstrip(tokenizer.blank))


def _reach(text: str, stop: int, most: int) -> int:
    """Find where the last ``most`` characters before ``stop`` begin, white space aside."""
    start = max(0, stop - most)
    blanks = _blanks(text, start, stop)
    while start and blanks:
        further = max(0, start - blanks)
        start, blanks = further, _blanks(text, further, start)
    return start


def _blanks(text: str, start: int, stop: int) -> int:
    return sum(text.count(blank, start, stop) for blank in BLANKS)
