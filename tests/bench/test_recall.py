import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.experiments import recall
from bench.experiments.recall import LABELS, learn, sentences, training_lengths
from bench.experiments.saved import Recall, Recalled, load
from conveyor.model.network.config import CellName
from conveyor.model.text.tokenizer import Tokenizer


@given(lengths=st.lists(st.integers(2, 60), max_size=20), seed=st.integers(0, 99))
def test_the_label_is_the_first_word(lengths: list[int], seed: int) -> None:
    examples = sentences(lengths, random.Random(seed))
    words = [example.text.split() for example in examples]
    assert [len(text) for text in words] == lengths
    for example, (first, *rest) in zip(examples, words, strict=True):
        assert first == example.label
        assert {first, *rest} <= set(LABELS)
    assert sentences(lengths, random.Random(seed)) == examples


def test_each_word_is_a_token() -> None:
    tokenizer = Tokenizer.train([" ".join(LABELS)] * 2, "word", 300)
    [encoding] = tokenizer.encode([" ".join(LABELS)])
    assert len(set(encoding.ids)) == len(LABELS)


def test_all_labels_occur() -> None:
    examples = sentences([2] * 800, random.Random(0))
    counts = [sum(example.label == label for example in examples) for label in LABELS]
    assert min(counts) > 60


@given(longest=st.integers(2, 1000), seed=st.integers(0, 99))
def test_training_lengths_reach_from_two_to_the_longest(longest: int, seed: int) -> None:
    lengths = training_lengths(50, longest, random.Random(seed))
    assert len(lengths) == 50
    assert 2 <= min(lengths) <= max(lengths) <= longest


def test_octaves_are_as_frequent() -> None:
    lengths = training_lengths(7000, 256, random.Random(0))
    for octave in range(1, 8):
        share = sum(2**octave <= length < 2 ** (octave + 1) for length in lengths) / 7000
        assert share == pytest.approx(1 / 7, abs=0.04)


def test_a_short_word_is_remembered() -> None:
    settings = recall.SETTINGS.model_copy(update={"learning_rate": 0.02, "epochs": 6})
    for cell in recall.CELLS:
        result = learn(cell, 4, 0, settings, texts=400)
        assert (result.cell, result.length, result.seed) == (cell, 4, 0)
        assert result.accuracy > 0.95


def test_what_is_saved_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recall.json"
    monkeypatch.setattr(recall, "RECALL", path)
    monkeypatch.setattr(recall, "LENGTHS", (2, 3))
    monkeypatch.setattr(recall, "SEEDS", (0,))
    asked: list[tuple[str, int, int]] = []
    real = recall.learn

    def counted(cell: CellName, length: int, seed: int) -> Recalled:
        asked.append((cell, length, seed))
        settings = recall.SETTINGS.model_copy(update={"epochs": 1})
        return real(cell, length, seed, settings, texts=40)

    monkeypatch.setattr(recall, "learn", counted)
    recall.main()
    assert asked == [("rnn", 2, 0), ("lstm", 2, 0), ("rnn", 3, 0), ("lstm", 3, 0)]
    saved = load(path, Recall)
    assert saved is not None
    assert len(saved.results) == 4
    recall.main()
    assert len(asked) == 4
    assert load(path, Recall) == saved
