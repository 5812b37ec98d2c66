import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.text.tokenizer import (
    ENCODED,
    PAD_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    Encoding,
    Tokenizer,
)
from conveyor.model.types import TokenizerKind

TEXTS = [
    "A wonderful, moving film: I don't regret a minute!",
    "Dull and far too long... I don't know why it is 3 hours long.",
    "A film, a long film. 房间太小, 太小。",
    "房间太小 ไทย カタカナ",
]
KINDS: list[TokenizerKind] = ["word", "bpe"]


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer.train(TEXTS, request.param, vocab_size=400)


@pytest.fixture(scope="module")
def words() -> Tokenizer:
    return Tokenizer.train(TEXTS, "word", vocab_size=400)


def pieces(text: str, encoding: Encoding) -> list[str]:
    return [text[start:end] for start, end in encoding.offsets]


# Any str at all, lone surrogates included.
anything = st.text(st.characters(), max_size=60)


@given(text=anything)
def test_any_text_encodes_with_offsets_in_order(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode([text])[0]
    assert len(encoding.ids) == len(encoding.offsets)
    assert all(0 <= token < tokenizer.vocab_size for token in encoding.ids)
    assert all(token != PAD_ID for token in encoding.ids)
    assert all(0 <= start <= end <= len(text) for start, end in encoding.offsets)
    starts = [start for start, _ in encoding.offsets]
    assert starts == sorted(starts)


@given(text=anything)
def test_without_offsets_the_tokens_are_the_same(tokenizer: Tokenizer, text: str) -> None:
    encodings = tokenizer.encode([text, text], offsets=False)
    assert [encoding.ids for encoding in encodings] == [tokenizer.encode([text])[0].ids] * 2


@given(text=anything)
def test_the_offsets_cover_all_that_is_seen(tokenizer: Tokenizer, text: str) -> None:
    covered = {i for start, end in tokenizer.encode([text])[0].offsets for i in range(start, end)}
    uncovered = "".join(c for index, c in enumerate(text) if index not in covered)
    assert not uncovered.strip().strip(tokenizer.blank)


@pytest.fixture(scope="module")
def characters() -> list[str]:
    """The basic plane but for most of Han and Hangul, and of all others some, with a seed."""
    others = random.Random(0).sample(range(0x3400, 0x110000), 0x4000)
    return [*map(chr, range(0x3400)), *map(chr, range(0xD7A0, 0x10000)), *map(chr, others)]


@pytest.mark.parametrize("where", ["{}", "e{}", "{}e", "a{}\u0301b"])
def test_every_character_encodes_alone_and_beside_letters(
    tokenizer: Tokenizer, characters: list[str], where: str
) -> None:
    """All 1.1 million take a minute, and were read when this was written."""
    step = 1 if where == "{}" else 7
    for number in range(0, len(characters), 4096):
        texts = [where.format(character) for character in characters[number : number + 4096 : step]]
        located = tokenizer.encode(texts)
        assert [e.ids for e in tokenizer.encode(texts, offsets=False)] == [e.ids for e in located]
        for text, encoding in zip(texts, located, strict=True):
            assert len(encoding.ids) == len(encoding.offsets)
            places = [place for offset in encoding.offsets for place in offset]
            assert min(places, default=0) >= 0
            assert max(places, default=0) <= len(text)
            starts = places[::2]
            assert starts == sorted(starts)
            assert all(start <= end for start, end in encoding.offsets)


@pytest.mark.parametrize("space", ["\u2000", "\u2001", "\u2000\u2001 \u200b"])
def test_white_space_that_nfc_replaces_has_no_tokens(tokenizer: Tokenizer, space: str) -> None:
    assert tokenizer.encode([space]) == [Encoding([], [])]


def test_what_is_invisible_does_not_count(tokenizer: Tokenizer) -> None:
    seen, hidden = tokenizer.encode(
        ["long film é", "\ufefflo\u00adng\u200b fi\u200dlm e\u200b\u0301\ufe0f"]
    )
    assert hidden.ids == seen.ids
    assert [hidden.offsets[0][0], hidden.offsets[-1][1]] == [1, 17]


def test_the_invisible_is_what_the_normalizer_removes(tokenizer: Tokenizer) -> None:
    normalizer = tokenizer._tokenizer.normalizer
    assert normalizer is not None
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    removed = {c for c in every if c not in "\n\r" and normalizer.normalize_str(c) == ""}
    assert removed == {c for c in tokenizer.blank if not c.isspace()}


def test_what_is_no_token_is_known() -> None:
    """Of tokenizers whose texts are not rid of the invisible, only white space is not."""
    words = Tokenizer.train(TEXTS, "word", vocab_size=400)
    state = json.loads(words.to_json())
    assert all(not e.ids for e in words.encode(list(words.blank)))
    del state["normalizer"]["normalizers"][0]
    older = Tokenizer.from_json(json.dumps(state))
    assert older.blank.isspace()
    assert len(older.encode(["fi\u00adlm"])[0]) == 3
    assert older.boundary is words.boundary is not None
    state["pre_tokenizer"] = None
    assert Tokenizer.from_json(json.dumps(state)).boundary is None


def test_a_fault_of_the_library_is_an_error_like_others() -> None:
    """pyo3's is no Exception: it would end the tokenizer's thread."""
    panic = type("PanicException", (BaseException,), {})

    class Panicking:
        def encode_batch(self, texts: list[str]) -> None:
            raise panic("index out of bounds") if texts else KeyboardInterrupt

    broken = Tokenizer.train(TEXTS, "word", vocab_size=400)
    broken._tokenizer = Panicking()  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="tokenizer failed: index out of bounds"):
        broken.encode(["a"])
    with pytest.raises(KeyboardInterrupt):
        broken.encode([])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
        ("e\u0301", ["e\u0301"]),
        ("\u1112\u1161\u11ab \u1100\u1173\u11af", ["\u1112\u1161\u11ab", "\u1100\u1173\u11af"]),
    ],
)
def test_decomposed_letters_belong_to_their_word(
    words: Tokenizer, text: str, expected: list[str]
) -> None:
    assert pieces(text, words.encode([text])[0]) == expected


def test_shifted_offsets_point_behind_what_was_skipped() -> None:
    encoding = Encoding([1, 2], [(0, 1), (2, 3)])
    assert encoding.shifted(10) == Encoding([1, 2], [(10, 11), (12, 13)])
    assert encoding.shifted(0) is encoding


def test_many_texts_are_encoded_some_at_a_time(tokenizer: Tokenizer) -> None:
    texts = [f"{number} {TEXTS[number % len(TEXTS)]}" for number in range(ENCODED + 3)]
    taken = []

    def take() -> Iterator[str]:
        for text in texts:
            taken.append(text)
            yield text

    encodings = tokenizer.encode_each(take())
    first = next(encodings)
    assert len(taken) == ENCODED
    assert [first, *encodings] == tokenizer.encode(texts, offsets=False)


@given(texts=st.lists(anything, max_size=5))
def test_a_batch_encodes_like_its_texts(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


@pytest.mark.parametrize(
    "character",
    ["a", " ", "\n", "\0", "!", "'", "房", "é", "\u0301", "👩", "\u200d", "ﷺ", "\ud800"],
)
def test_a_megabyte_of_one_character_encodes(tokenizer: Tokenizer, character: str) -> None:
    text = character * (2**20 // len(character.encode("utf-8", "surrogatepass")))
    encoding = tokenizer.encode([text])[0]
    assert len(encoding) <= len(text) * 4 + 1
    if encoding.offsets:
        assert encoding.offsets[0][0] == 0
        assert encoding.offsets[-1][1] == len(text)


def test_empty_texts_and_white_space_have_no_tokens(tokenizer: Tokenizer) -> None:
    assert [len(e) for e in tokenizer.encode(["", " ", "\t\n  \u3000"])] == [0, 0, 0]


def test_words_and_symbols(words: Tokenizer) -> None:
    text = "A film, I don't regret it!!"
    expected = ["A", "film", ",", "I", "don't", "regret", "it", "!", "!"]
    assert pieces(text, words.encode([text])[0]) == expected


def test_scripts_without_spaces_are_read_by_character(words: Tokenizer) -> None:
    text = "房间太小, OK"
    assert pieces(text, words.encode([text])[0]) == ["房", "间", "太", "小", ",", "OK"]


def test_case_does_not_count(tokenizer: Tokenizer) -> None:
    lower, upper = tokenizer.encode(["long film", "LONG Film"])
    assert lower == upper


def test_emoji_offsets_count_characters(words: Tokenizer) -> None:
    text = "👩‍👩‍👧 long"
    encoding = words.encode([text])[0]
    assert pieces(text, encoding)[-1] == "long"
    assert encoding.offsets[-1] == (6, 10)


def test_words_seen_once_are_unknown(words: Tokenizer) -> None:
    known, unknown = words.encode(["film", "wonderful"])
    assert known.ids != [UNK_ID]
    assert unknown.ids == [UNK_ID]


def test_bytes_are_never_unknown() -> None:
    tokenizer = Tokenizer.train(TEXTS, "bpe", vocab_size=300)
    assert UNK_ID not in tokenizer.encode(["žluťoučký ☃ \ue000"])[0].ids


def test_the_name_of_a_special_token_is_ordinary_text(tokenizer: Tokenizer) -> None:
    for name in SPECIAL_TOKENS:
        encoding = tokenizer.encode([name])[0]
        assert PAD_ID not in encoding.ids
        assert len(encoding) > 1


def test_restored_it_encodes_the_same(tokenizer: Tokenizer) -> None:
    restored = Tokenizer.from_json(tokenizer.to_json())
    texts = [*TEXTS, "[PAD] 👩‍👩‍👧 unseen words\0"]
    assert restored.encode(texts) == tokenizer.encode(texts)
    assert restored.vocab_size == tokenizer.vocab_size


def test_a_sample_of_the_vocabulary_is_from_all_over_it(tokenizer: Tokenizer) -> None:
    sample = tokenizer.vocabulary_sample(10)
    assert len(sample) == 10
    vocabulary = tokenizer._tokenizer.get_vocab()
    ids = [vocabulary[entry] for entry in sample]
    assert ids == sorted(ids)
    assert UNK_ID < ids[0] < tokenizer.vocab_size / 4
    assert ids[-1] > tokenizer.vocab_size / 2
    assert len(tokenizer.vocabulary_sample(10_000)) == tokenizer.vocab_size - 2


def test_training_is_deterministic(tokenizer: Tokenizer) -> None:
    again = [Tokenizer.train(TEXTS, kind, 400).to_json() for kind in KINDS]
    assert tokenizer.to_json() in again


def test_a_broken_json_is_refused() -> None:
    with pytest.raises(ValueError, match="EOF while parsing"):
        Tokenizer.from_json("{")


def test_last_keeps_the_end() -> None:
    encoding = Encoding([1, 2, 3], [(0, 1), (2, 3), (4, 5)])
    assert encoding.last(2) == Encoding([2, 3], [(2, 3), (4, 5)])
    assert encoding.last(3) is encoding


@given(pieces_of=st.lists(st.sampled_from([*TEXTS, "don't", "so-so", "é", "房间"]), min_size=1))
def test_a_text_that_is_cut_at_white_space_has_the_tokens_of_the_whole(
    tokenizer: Tokenizer, pieces_of: list[str]
) -> None:
    [whole] = tokenizer.encode([" ".join(pieces_of)])
    apart = tokenizer.encode(pieces_of)
    assert [number for piece in apart for number in piece.ids] == whole.ids
    with_space = tokenizer.encode([f" {piece}\n" for piece in pieces_of])
    assert [piece.ids for piece in with_space] == [piece.ids for piece in apart]


def test_a_bpe_piece_begins_a_word() -> None:
    """The contract at a cut inside a word: the piece is read as if white space stood before it."""
    bpe = Tokenizer.train(TEXTS, "bpe", vocab_size=400)
    begun, ended, apart = bpe.encode(["so wonder", "ful", "so wonder ful"])
    assert begun.ids + ended.ids == apart.ids
