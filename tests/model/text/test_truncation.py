from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.text.tokenizer import Encoding, Tokenizer
from conveyor.model.text.truncation import (
    AT_ONCE,
    CHARACTERS_PER_TOKEN,
    FIRST,
    Truncated,
    far_too_long,
    truncate,
)
from conveyor.model.types import TokenizerKind

TEXTS = [
    "A wonderful, moving film: I don't regret a minute!",
    "Dull and far too long... I don't know why it is 3 hours long.",
    "A film, a long film. 房间太小, 太小。 it's it’s",
]
KINDS: list[TokenizerKind] = ["word", "bpe"]
PIECES = [
    *(
        "film",
        "don't",
        "it’s",
        "!",
        "...",
        "'",
        "_",
        "3",
        "房",
        "间",
        "。",
        "👩",
        "👍🏽",
        "ไทย",
        "が",
    ),
    *(
        " ",
        "\n",
        "\u3000",
        "\u00a0",
        "\x1f",
        "\u200b",
        "\u00ad",
        "\ufe0f",
        "\u0301",
        "e",
        "e\u0301",
    ),
    *("<\u0338", "\u1112\u1161\u11ab", "ﷺ", "İ", "\ud800", " " * 9, "film " * 5),
]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer.train(TEXTS, request.param, vocab_size=400)


def foreign() -> Tokenizer:
    """One that is not known to be cut anywhere."""
    other = Tokenizer.train(TEXTS, "word", vocab_size=400)
    other.boundary = other.restart = None
    return other


@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=120),
    count=st.integers(1, 6),
    offsets=st.booleans(),
)
def test_the_end_has_the_last_tokens_of_the_whole(
    tokenizer: Tokenizer, pieces: list[str], count: int, offsets: bool
) -> None:
    text = "".join(pieces)
    [end] = truncate(tokenizer, [text], count, offsets=offsets)
    [whole] = tokenizer.encode([text], offsets=offsets)
    if not far_too_long(tokenizer, text, count):
        assert end == Truncated(whole.last(count), len(whole) > count)
    assert far_too_long(tokenizer, text, count) <= end.cut


@given(text=st.text(st.characters(), max_size=200), count=st.integers(1, 4))
def test_of_any_text_there_is_an_end(tokenizer: Tokenizer, text: str, count: int) -> None:
    [end] = truncate(tokenizer, [text], count, offsets=True)
    [whole] = tokenizer.encode([text])
    if not far_too_long(tokenizer, text, count):
        assert end.encoding == whole.last(count)


@pytest.mark.parametrize("blank", [" ", "\n", "\u2003", "\u200b", "\ufeff\u00a0"])
def test_white_space_and_the_invisible_at_the_end_are_no_text(
    tokenizer: Tokenizer, blank: str
) -> None:
    text = "A film." + blank * 140_000
    assert not far_too_long(tokenizer, text, 100)
    [end] = truncate(tokenizer, [text], 100, offsets=True)
    assert end == Truncated(tokenizer.encode(["A film."])[0], cut=False)


@pytest.mark.parametrize("blank", [" ", "\r\n", "\u3000"])
def test_white_space_before_and_inside_does_not_push_the_text_out(
    tokenizer: Tokenizer, blank: str
) -> None:
    text = blank * 50_000 + "A" + blank * 70_000 + "film."
    assert not far_too_long(tokenizer, text, 100)
    [end] = truncate(tokenizer, [text], 100, offsets=True)
    assert end == Truncated(tokenizer.encode([text])[0], cut=False)
    start, stop = end.encoding.offsets[0]
    assert text[start:stop] == "A"


def test_of_what_is_far_too_long_the_end_is_read(tokenizer: Tokenizer) -> None:
    text = "film " * 1000 + "x" * 1000
    assert far_too_long(tokenizer, text, 10)
    [end] = truncate(tokenizer, [text], 10, offsets=True)
    assert end.cut
    start, _ = end.encoding.offsets[0]
    assert start >= len(text) - 10 * CHARACTERS_PER_TOKEN
    assert end.encoding.offsets[-1][1] == len(text)


def test_a_word_at_the_limit_is_left_out_rather_than_cut() -> None:
    words = Tokenizer.train(TEXTS, "word", vocab_size=400)
    text = "y" * 400 + " " + "x" * 250 + " film"
    [end] = truncate(words, [text], 10, offsets=True)
    assert end == Truncated(words.encode([text])[0].last(2), cut=True)


def test_what_is_cut_off_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Tokenizer.train(TEXTS, "word", vocab_size=400)
    seen: list[tuple[int, bool]] = []
    encode = Tokenizer.encode

    def counting(self: Tokenizer, texts: list[str], *, offsets: bool = True) -> list[Encoding]:
        seen.extend((len(text), offsets) for text in texts)
        return encode(self, texts, offsets=offsets)

    monkeypatch.setattr(Tokenizer, "encode", counting)
    [end] = truncate(words, ["!" * 100_000], 4000, offsets=True)
    assert len(end.encoding) == 4000
    assert seen == [(16_000, False), (16_000, True)]


def test_a_tokenizer_that_is_not_known_reads_all_that_can_be_read() -> None:
    other, text = foreign(), "a film " * 200 + "  "
    [end] = truncate(other, [text], 100, offsets=True)
    assert end == Truncated(other.encode([text])[0].last(100), cut=True)
    assert far_too_long(other, "a" * 400, 10)
    [end] = truncate(other, ["!" * 400], 10, offsets=True)
    assert end.encoding.offsets == [(number, number + 1) for number in range(390, 400)]


# Each is a token of its own, or two, but none that a text may be cut before for certain.
@pytest.mark.parametrize("character", ["\u2014", "\u3042", "\u0e01", "\u0e31", "\U0001d160"])
def test_of_a_text_without_places_to_cut_only_the_end_is_encoded(
    character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = Tokenizer.train(TEXTS, "word", vocab_size=400)
    text, count = character * 5000 + " film", 20
    [whole] = words.encode([text])
    encoded: list[int] = []
    encode = words.encode

    def counting(texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        encoded.extend(map(len, texts))
        return encode(texts, offsets=offsets)

    monkeypatch.setattr(words, "encode", counting)
    [end] = truncate(words, [text], count, offsets=True)
    assert end == Truncated(whole.last(count), True)
    assert sum(encoded) <= 2 * FIRST * count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_what_nobody_sees_at_the_end_is_no_text_however_much_it_is(
    kind: TokenizerKind, size: int
) -> None:
    words = Tokenizer.train(TEXTS, kind, vocab_size=400)
    for blank in {*words.blank[::997], words.blank[-1]}:
        [end] = truncate(words, ["film" + blank * size], 1, offsets=True)
        assert end == truncate(words, ["film"], 1, offsets=True)[0]
        assert truncate(words, [blank * size], 1, offsets=True) == [
            Truncated(Encoding([], []), False)
        ]
