"""Smoke test: texts of every kind, which a tokenizer from a file encodes before it is used.

The library that reads tokenizer.json takes much that it cannot run with, and panics at some text
then, in the middle of its work. The test finds what fails at some kind of text, or one character.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from unicodedata import category

from more_itertools import chunked

from conveyor.model import interruption
from conveyor.model.text.tokenizer import Tokenizer

# Words of the longest text, and characters of the longest word.
LONGEST = 4_000
# A byte-level tokenizer makes four tokens of a character; a template puts some around a text.
TOKENS_PER_CHARACTER = 16
TOKENS_AROUND = 64
# The blocks in which most odd characters are: ASCII and Latin-1, combining marks, punctuation.
ODD = (range(0x100), range(0x300, 0x370), range(0x2000, 0x2070), range(0xFE00, 0xFE10))
# Beside them, every so many code points one, which brings some of each script.
STRIDE = 2039
UNICODE = range(0x110000)
# What Unicode has given no character yet, what is private, and what is half of one.
NO_CHARACTERS = frozenset({"Cn", "Co", "Cs"})
# Characters in one text.
AT_ONCE = 512


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """Raise ValueError where the tokenizers library panics, which is no Exception of Python's."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a class that cannot be imported
            raise
        why = " ".join(str(error).split())
        raise ValueError(f"the tokenizers library panics over it ({why})") from None


def smoke_test(tokenizer: Tokenizer, *, thorough: bool = False) -> int:
    """Encode texts of every kind, and return how many; ValueError says what is wrong, as a clause.

    A thorough test takes every character there is, the other one some hundred of them.
    """
    if tokenizer.limits:
        raise ValueError(
            f"it brings {' and '.join(tokenizer.limits)} of its own, but how long texts are is for "
            "the model to decide: set that to null"
        )
    words = tokenizer.vocabulary_sample(LONGEST)
    sentences = (" ".join(words[:length]) for length in (0, 1, 2, 20, 200, LONGEST))
    some = _characters(chain(*ODD, UNICODE[::STRIDE]))
    together = chunked(_characters(UNICODE if thorough else UNICODE[::STRIDE]), AT_ONCE)
    # The shortest first: what makes too much of a text is found out while that is little.
    texts = [" ", "\t\r\n", "a" * 100, *sentences, *(f"a{character}b" for character in some)]
    texts += ["a" * LONGEST, "a " * LONGEST, *map("".join, together)]
    for text in interruption.watched(texts):
        _try(tokenizer, [text])
    _try(tokenizer, some)
    return len(texts) + len(some)


def _try(tokenizer: Tokenizer, texts: list[str]) -> None:
    """Raise ValueError unless all encode, to a sensible number of ids that the vocabulary has."""
    try:
        with panics_as_errors():
            encodings = tokenizer.encode(texts)
    except Exception as error:  # noqa: BLE001 - the library raises Exception itself
        raise ValueError(f"it fails at a text such as {texts[0][:20]!r}: {error}") from None
    for text, encoding in zip(texts, encodings, strict=True):
        if len(encoding) > TOKENS_PER_CHARACTER * len(text) + TOKENS_AROUND:
            raise ValueError(
                f"it makes {len(encoding):,} tokens of {text[:20]!r}, of {len(text)} characters"
            )
        if encoding.ids and not 0 <= min(encoding.ids) <= max(encoding.ids) < tokenizer.vocab_size:
            raise ValueError(
                f"it makes the id {max(encoding.ids)} of {text[:20]!r}, which no entry has"
            )


def _characters(points: Iterable[int]) -> list[str]:
    return [char for char in map(chr, points) if category(char) not in NO_CHARACTERS]
