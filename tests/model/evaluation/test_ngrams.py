import numpy as np
import pytest

from conveyor.model.data.examples import Example
from conveyor.model.errors import TrainingError
from conveyor.model.evaluation import ngrams
from conveyor.model.evaluation.ngrams import NgramClassifier, evaluate_ngrams, fit_ngrams
from tests.conftest import reviews


def test_words_tell_the_label() -> None:
    labels = ["blame", "praise"]
    fitted = fit_ngrams(reviews(300), labels, {})
    evaluation = evaluate_ngrams(fitted, reviews(100, seed=1), labels, {})
    assert evaluation.texts == 100
    assert evaluation.accuracy > 0.95


def test_characters_tell_what_unknown_words_are_like() -> None:
    """No word of these comes twice: only their endings are alike."""
    texts = [f"w{n}{end}" for n in range(40) for end in ("ing", "ous")]
    labels = np.array([0, 1] * 40)
    fitted = NgramClassifier.fit(texts, labels, 2)
    assert fitted.classify(["zzing", "zzous"]).argmax(axis=1).tolist() == [0, 1]


def test_probabilities_are_of_all_labels_even_those_without_texts() -> None:
    fitted = NgramClassifier.fit(["a b", "c d", "a e", "c f"], np.array([2, 0, 2, 0]), 4)
    probabilities = fitted.classify(["a", "c", "", "?"])
    assert probabilities.shape == (4, 4)
    assert (probabilities[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities[:2].argmax(axis=1).tolist() == [2, 0]


def test_labels_go_by_their_aliases() -> None:
    renamed = [Example(e.text, {"praise": "good"}.get(e.label, e.label)) for e in reviews(100)]
    labels, aliases = ["blame", "good"], {"praise": "good"}
    evaluation = evaluate_ngrams(
        fit_ngrams(renamed, labels, aliases), reviews(20, seed=1), labels, aliases
    )
    assert evaluation.accuracy > 0.9


def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of long texts as many as fit, drawn from all; of many labels fewer features each."""
    monkeypatch.setattr(ngrams, "MOST_CHARACTERS", 1000)
    monkeypatch.setattr(ngrams, "MOST_WEIGHTS", 40)
    examples = reviews(500)
    ids = np.array([e.label == "praise" for e in examples], np.int64)
    pipeline = NgramClassifier.fit([e.text for e in examples], ids, 2).pipeline
    assert pipeline[-1].coef_.size <= 40
    chosen = ngrams._sample([e.text for e in examples], ids)
    assert sum(len(examples[index].text) for index in chosen) <= 1000
    assert chosen.min() < 100
    assert chosen.max() > 400


def test_of_texts_too_long_to_count_each_label_has_one() -> None:
    texts = [word * 3_000_000 for word in ("good ", "bad ", "fine ", "poor ")]
    fitted = NgramClassifier.fit(texts, np.array([1, 0, 1, 0]), 2)
    assert fitted.classify(texts).argmax(axis=1).tolist() == [1, 0, 1, 0]


def test_a_regression_that_is_not_at_its_end_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, a warning is an error."""
    monkeypatch.setattr(ngrams, "ITERATIONS", 1)
    fit_ngrams(reviews(100), ["blame", "praise"], {})


def test_signs_are_counted_and_empty_texts_refused() -> None:
    fitted = NgramClassifier.fit(["👍", "👍👍", "👎", "👎👎"], np.array([0, 0, 1, 1]), 2)
    assert fitted.classify(["👍👍👍", "👎👎👎"]).argmax(axis=1).tolist() == [0, 1]
    with pytest.raises(TrainingError, match="All texts are empty"):
        NgramClassifier.fit(["", " "], np.array([0, 1]), 2)
