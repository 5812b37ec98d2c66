import numpy as np
import pytest
import torch

from conveyor.model.evaluation.calibration import (
    COLDEST,
    HOTTEST,
    apply_temperature,
    expected_calibration_error,
    reliability,
    temperature,
)
from tests.conftest import random_classifier


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(dim=-1).float().numpy()


def drawn(texts: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that are as likely as the logits say."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(texts, labels))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits + gumbel).argmax(axis=1)


def test_the_error_is_the_mean_gap_between_confidence_and_accuracy() -> None:
    sure, unsure = [0.99, 0.01], [0.4, 0.6]
    probabilities = np.array([sure, sure, sure, sure, unsure, unsure], np.float32)
    truth = np.array([0, 0, 0, 1, 1, 1])
    # Four at 0.99, of which three are right; two at 0.6, both right.
    expected = (4 * (0.99 - 0.75) + 2 * (1 - 0.6)) / 6
    assert expected_calibration_error(probabilities, truth) == pytest.approx(expected)


def test_the_bins_hold_every_text_once() -> None:
    logits, truth = drawn(500, 3)
    probabilities = softmax(logits)
    bins = reliability(probabilities, truth)
    assert bins.texts.sum() == 500
    assert bins.right.sum() == (probabilities.argmax(axis=1) == truth).sum()
    assert bins.confidence.sum() == pytest.approx(probabilities.max(axis=1).sum())
    for place, (texts, confidence) in enumerate(zip(bins.texts, bins.confidence, strict=True)):
        assert texts * place / 15 <= confidence + 1e-6
        assert confidence <= texts * (place + 1) / 15 + 1e-6


def test_a_full_certainty_has_a_bin() -> None:
    assert expected_calibration_error(np.array([[0.0, 1.0]], np.float32), np.array([1])) == 0


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("scale", [0.7, 1.0, 3.0])
def test_the_temperature_undoes_what_made_the_scores_too_sure(labels: int, scale: float) -> None:
    logits, truth = drawn(20_000, labels)
    found = temperature(softmax(logits * scale), truth)
    assert found == pytest.approx(scale, rel=0.05)
    assert expected_calibration_error(softmax(logits * scale / found), truth) < 0.02


def test_scores_that_are_always_right_or_mean_nothing_do_not_go_beyond_the_limits() -> None:
    logits, truth = drawn(20_000, 2)
    always = np.eye(2)[truth] * 4
    assert temperature(softmax(always), truth) == pytest.approx(COLDEST, rel=0.01)
    assert temperature(softmax(-logits * 100), truth) == pytest.approx(HOTTEST, rel=0.01)


def test_few_texts_move_the_scores_little() -> None:
    truth = np.array([0, 1, 0, 1, 1, 0])
    right = softmax(np.eye(2)[truth] * 4)
    assert 0.8 < temperature(right, truth) < 1
    wrong = softmax(-np.eye(2)[truth] * 4)
    assert 1 < temperature(wrong, truth) < 2


def test_a_cooled_classifier_has_its_logits_divided() -> None:
    classifier = random_classifier()
    encodings = classifier.encode(["a wonderful film", "dull"])
    before = np.log(classifier.predict(encodings))
    apply_temperature(classifier, by=2.0)
    np.testing.assert_allclose(classifier.predict(encodings), softmax(before / 2), atol=1e-3)
    for parameter in classifier.network.head.parameters():
        torch.testing.assert_close(parameter, parameter.half().float(), rtol=0, atol=0)
