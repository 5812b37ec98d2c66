import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers, processors

from conveyor.model.convert.tokens import (
    Rules,
    prepare,
    read_tokenizer,
    read_vocabulary,
    word_tokenizer,
)
from conveyor.model.errors import ConversionError
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.types import Split

WORDS = ["<pad>", "<unk>", "don", "'", "t", "go", ".", "Go", "don't", "dont", "é"]
VOCABULARY = {word: number for number, word in enumerate(WORDS)}


def words(text: str, split: Split, *, lowercase: bool = False) -> list[str]:
    tokenizer = word_tokenizer(VOCABULARY, Rules(split, lowercase), len(WORDS))
    return [WORDS[number] for number in tokenizer.encode([text])[0].ids]


@pytest.mark.parametrize(
    ("text", "split", "lowercase", "expected"),
    [
        (" Go don't\tgo.\n", "whitespace", False, ["Go", "don't", "<unk>"]),
        ("Go go", "whitespace", True, ["go", "go"]),
        ("Don't Go.", "word", False, ["<unk>", "'", "t", "Go", "."]),
        ("Don't go_.", "word", True, ["don", "'", "t", "<unk>", "."]),
        ("t. é", "character", False, ["t", ".", "<unk>", "é"]),
        ('Don\'t "Go."<br />é;t:', "basic-english", False, ["don", "'", "t", "go", ".", "é", "t"]),
        ("Don't, Go!", "keras", False, ["dont", "go"]),
    ],
)
def test_the_rules(text: str, split: Split, lowercase: bool, expected: list[str]) -> None:
    assert words(text, split, lowercase=lowercase) == expected


@given(text=st.text(st.characters(), max_size=40))
@pytest.mark.parametrize("split", ["whitespace", "word", "character", "basic-english", "keras"])
def test_any_text_encodes_in_order(text: str, split: Split) -> None:
    tokenizer = word_tokenizer(VOCABULARY, Rules(split), len(WORDS))
    [encoding] = tokenizer.encode([text])
    assert all(0 <= start <= end <= len(text) for start, end in encoding.offsets)
    assert [start for start, _ in encoding.offsets] == sorted(s for s, _ in encoding.offsets)
    assert encoding.ids == tokenizer.encode([text], offsets=False)[0].ids


def test_tokens_keep_their_places_in_the_text() -> None:
    text = 'Don\'t "go".'
    tokenizer = word_tokenizer(VOCABULARY, Rules("basic-english"), len(WORDS))
    pieces = [text[start:end] for start, end in tokenizer.encode([text])[0].offsets]
    assert pieces == ["Don", "'", "t", "go", "."]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("v.txt", "\n".join(WORDS)),
        ("v.txt", "\r\n".join(WORDS) + "\r\n"),
        ("v.json", json.dumps(WORDS)),
        ("v.json", json.dumps(dict(reversed(VOCABULARY.items())))),
    ],
)
def test_the_forms_of_a_vocabulary(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())
    assert read_vocabulary(tmp_path / name) == VOCABULARY


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("v.txt", b"a\nb\na\n", "has 'a' twice, as entries 1 and 3"),
        ("v.txt", b"\xff\xfe", "is not text in UTF-8"),
        ("v.json", b"{", "is not JSON"),
        ("v.json", b"[" * 100_000, "is not JSON: maximum recursion"),
        ("v.json", b'{"a": 1.5}', "is neither a list of entries nor an object"),
        ("v.json", b'{"a": true}', "is neither a list of entries nor an object"),
    ],
)
def test_a_broken_vocabulary_is_refused(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConversionError, match=says):
        read_vocabulary(tmp_path / name)


@pytest.mark.parametrize(
    ("vocabulary", "unknown", "says"),
    [
        ({"a": 0}, None, r"none of \[UNK\], <unk>.*--unknown"),
        ({"a": 0}, "?", "no entry '.'.*--unknown"),
        ({"a": 0, "<unk>": 0}, None, "an id of its own"),
        ({}, None, "an id of its own"),
        ({"a": 3, "<unk>": 0}, None, "gives 'a' the id 3, but the embedding has the rows 0 to 2"),
        ({"a": -1, "<unk>": 0}, None, "gives 'a' the id -1"),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(
    vocabulary: dict[str, int], unknown: str | None, says: str
) -> None:
    with pytest.raises(ConversionError, match=says):
        word_tokenizer(vocabulary, Rules("whitespace", unknown=unknown), 3)


def test_ids_without_an_entry_get_one_that_no_text_has() -> None:
    tokenizer = word_tokenizer({"a": 4, "?": 1}, Rules("whitespace", unknown="?"), 9)
    assert tokenizer.ids == [0, 1, 2, 3, 4]
    tokens = prepare(tokenizer)
    assert (tokens.unk_token_id, tokens.pad_token_id, tokens.added_padding) == (1, 5, True)
    assert tokenizer.encode(["a b [unused 0] [PAD]"])[0].ids == [4, 1, 1, 1, 1]


def test_padding_is_found_or_given() -> None:
    tokenizer = word_tokenizer(VOCABULARY, Rules("whitespace"), len(WORDS))
    assert prepare(tokenizer).pad_token_id == 0
    assert prepare(tokenizer, "é").pad_token_id == VOCABULARY["é"]
    with pytest.raises(ConversionError, match="has no '<x>', which --padding says"):
        prepare(tokenizer, "<x>")


def foreign(model: Any) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def restored(tokenizer: tokenizers.Tokenizer) -> Tokenizer:
    return Tokenizer.from_json(tokenizer.to_str())


def test_limits_of_its_own_are_left_out() -> None:
    limited = foreign(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    limited.enable_padding(length=8)
    limited.enable_truncation(4)
    tokenizer = restored(limited)
    assert "truncation and padding are left out" in prepare(tokenizer).notes[0]
    assert tokenizer.encode(["go"])[0].ids == [5]
    assert len(tokenizer.encode(["go " * 50])[0]) == 50
    assert prepare(tokenizer).notes == []


def test_tokens_around_a_text_stay_and_have_no_characters() -> None:
    framed = foreign(models.WordLevel(VOCABULARY | {"[CLS]": 11, "[SEP]": 12}, unk_token="<unk>"))
    framed.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 11), ("[SEP]", 12)]
    )
    tokenizer = restored(framed)
    assert "puts 2 tokens of its own around every text" in prepare(tokenizer).notes[0]
    [encoding] = tokenizer.encode(["go e\u0301"])  # not normalized
    assert encoding.ids == [11, 5, 1, 12]
    assert encoding.offsets == [(0, 0), (0, 2), (3, 5), (0, 0)]


@pytest.mark.parametrize(
    ("model", "unknown"),
    [
        (models.WordLevel({"a": 0, "?": 1}, unk_token="?"), 1),
        (models.WordPiece({"a": 0, "b": 1, "?": 2}, unk_token="?"), 2),
        (models.Unigram([("a", -1.0), ("?", -2.0)], unk_id=1), 1),
        (models.BPE({"a": 0, "b": 1}, []), 2),  # drops it, so padding stands in
        (models.BPE({"a": 0, "<unk>": 1}, []), 1),
    ],
)
def test_what_stands_for_the_unknown(model: Any, unknown: int) -> None:
    tokens = prepare(restored(foreign(model)))
    assert tokens.unk_token_id == unknown
    assert tokens.tokenizer.unk_id in {None, unknown}


@pytest.mark.parametrize(
    "model",
    [
        models.WordLevel({"a": 0}, unk_token="?"),
        models.WordPiece({"a": 0}, unk_token="?"),
        models.Unigram([("a", -1.0)]),
    ],
)
def test_a_tokenizer_that_does_not_read_every_text_is_refused(model: Any) -> None:
    with pytest.raises(ConversionError, match=r"cannot encode every text .*unknown"):
        prepare(restored(foreign(model)))


def test_a_tokenizer_with_gaps_is_refused() -> None:
    with pytest.raises(ConversionError, match="ids are not 0 to 1, each once"):
        prepare(restored(foreign(models.WordLevel({"a": 5, "?": 1}, unk_token="?"))))


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"model": {"type": "WordLevel"}}', "[" * 999])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ConversionError, match=r"tokenizer\.json is not a tokenizer\.json, as"):
        read_tokenizer(tmp_path / "tokenizer.json")
