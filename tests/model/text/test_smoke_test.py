"""A tokenizer that fails at some text does not pass load."""

import json
from pathlib import Path
from typing import Any

import pytest

from conveyor.model.artifact import storage
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.errors import ArtifactError
from conveyor.model.text.smoke_test import panics_as_errors, smoke_test
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.verification.check import check
from tests.conftest import random_classifier, reviews

TEXTS = [example.text for example in reviews(50)]
BLOWS_UP = {"type": "Replace", "pattern": {"String": "a"}, "content": "a b " * 1000}
FIRST = {"Sequence": {"id": "A", "type_id": 0}}
OUTSIDE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}, FIRST],
    "pair": [FIRST, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {"[X]": {"id": "[X]", "ids": [100_000], "tokens": ["[X]"]}},
}
CUT = {"direction": "Right", "strategy": "LongestFirst"}
FILLED = {"direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    storage.save(tmp_path, random_classifier(), golden_text="film", card="")
    (tmp_path / MANIFEST).unlink()
    return tmp_path


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("truncation", CUT | {"max_length": 100, "stride": 100}, "brings truncation of its own"),
        ("truncation", CUT | {"max_length": 10, "stride": 0}, "brings truncation of its own"),
        (
            "padding",
            FILLED | {"strategy": {"Fixed": 10**9}, "pad_token": "[PAD]"},
            "brings padding of its own",
        ),
        (
            "padding",
            FILLED | {"strategy": "BatchLongest", "pad_token": "[PAD]"},
            "brings padding of its own",
        ),
        ("normalizer", BLOWS_UP, r"it makes [\d,]+ tokens of 'a+', of 100 characters"),
        ("normalizer", {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, "panics over it"),
        ("post_processor", OUTSIDE, "it makes the id 100000 of ' ', which no entry has"),
    ],
)
def test_what_would_fail_later_is_refused(
    directory: Path, part: str, value: dict[str, Any], says: str
) -> None:
    path = directory / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {part: value}))
    with pytest.raises(ArtifactError, match=rf"tokenizer\.json is not valid: .*{says}"):
        storage.load(directory)
    [failed] = [found for found in check(directory) if found.outcome == "failed"]
    assert failed.check == "tokenizer"


class PanicException(BaseException):
    """As PyO3 names it."""


@pytest.mark.parametrize("character", ["\u3000", "\u12a0", "\N{PILE OF POO}"])
def test_a_thorough_trial_finds_one_character(
    monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    tokenizer = Tokenizer.train(TEXTS, "word", 100)
    assert smoke_test(tokenizer, thorough=True) > smoke_test(tokenizer) > 500
    encode = Tokenizer.encode

    def panicking(self: Tokenizer, texts: list[str], *, offsets: bool = True) -> Any:
        if any(character in text for text in texts):
            raise PanicException("index out of bounds:\nthe len is 1")
        return encode(self, texts, offsets=offsets)

    monkeypatch.setattr(Tokenizer, "encode", panicking)
    with pytest.raises(ValueError, match=r"it fails at a text such as .*panics over it .index out"):
        smoke_test(tokenizer, thorough=True)


def test_what_is_no_panic_goes_by() -> None:
    with pytest.raises(KeyboardInterrupt), panics_as_errors():
        raise KeyboardInterrupt
