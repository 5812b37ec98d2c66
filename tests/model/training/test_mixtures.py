import random

import pytest
import torch

from conveyor.model.data.examples import Example
from conveyor.model.evaluation.ngrams import fit_ngrams
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.mixtures import MADE, Mixtures, _piece
from tests.conftest import reviews

LABELS = ["blame", "praise"]


def mixtures(examples: list[Example], kind: str = "word", **changes: object) -> Mixtures:
    texts = [example.text for example in examples]
    parts = {
        "texts": texts,
        "teacher": fit_ngrams(examples, sorted({e.label for e in examples}), {}),
        "tokenizer": Tokenizer.train(texts, kind, 300),  # type: ignore[arg-type]
        "size": 4,
        "most": 10,
        "seed": "1",
    }
    return Mixtures(**parts | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_mixtures_have_the_words_of_the_texts_and_the_answers_of_the_n_grams(kind: str) -> None:
    made = mixtures(reviews(100), kind)
    for step in range(2 * MADE):
        ids, answers = made.at(step)
        assert answers.shape == (len(ids), 2) == (4, 2)
        torch.testing.assert_close(answers.sum(dim=1), torch.ones(4))
        assert max(map(len, ids)) <= 10
    texts = made._mixed(random.Random(0), 200)
    assert len(set(texts)) > 190
    if kind == "word":
        known = {word for text in made.texts for word in text.rstrip(".").split()}
        assert {word for text in texts for word in text.replace(".", " ").split()} <= known


def test_a_step_decides_its_mixtures() -> None:
    first, again = mixtures(reviews(50)), mixtures(reviews(50))
    late = [again.at(step) for step in (MADE, 3, MADE + 1)]
    for step, (ids, answers) in zip((MADE, 3, MADE + 1), late, strict=True):
        expected, probabilities = first.at(step)
        assert [each.tolist() for each in ids] == [each.tolist() for each in expected]
        assert torch.equal(answers, probabilities)
    assert first.at(0)[0][0].tolist() != mixtures(reviews(50), seed="2").at(0)[0][0].tolist()


def test_scripts_without_spaces_are_cut_between_their_characters() -> None:
    examples = [Example("很好看的电影", "a"), Example("难看死了", "b")] * 3
    made = mixtures(examples, most=50)
    texts = set(made._mixed(random.Random(0), 300))
    assert any("难" in text and "好" in text for text in texts)
    assert all(character in "很好看的电影难看死了 " for text in texts for character in text)


def test_pieces_of_nothing_are_nothing() -> None:
    assert _piece(random.Random(0), [], 3.0) == ""
    examples = [Example("", "a"), Example(" ", "b"), Example("x", "a"), Example("y", "b")]
    made = mixtures(examples)
    for step in range(MADE):
        ids, _ = made.at(step)
        assert len(ids) == 4


def test_of_a_long_text_only_its_end_is_cut() -> None:
    long = [Example("a " * 100_000 + label, label) for label in LABELS] * 2
    made = mixtures(long, most=5)
    assert all(len(tokens) <= 5 * 16 for tokens in made._cut(made.texts))
