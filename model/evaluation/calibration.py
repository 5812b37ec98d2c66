"""Calibration: a score of 0.9 should mean that 90 % of such answers are right.

Shapes in comments: N texts, L labels.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from conveyor.model.arrays import Floats
from conveyor.model.inference.classifier import Classifier

# Bins of the expected calibration error, as in Guo et al. (2017).
BINS = 15

# Temperatures that can come out. Where all held-out texts are right, no limit is too low.
COLDEST, HOTTEST = 0.5, 10.0

# As many texts as speak for leaving the scores alone. Six that are all right would halve the
# temperature; of 10 to 50, this had the least loss in simulations of 6 to 300 held-out texts whose
# logits were too large by a factor of e^0.3, give or take e^0.4.
DOUBT = 20

# Below this, float32 has no more digits for a probability.
LEAST_PROBABILITY = 1e-38


class Reliability(NamedTuple):
    """Sums over the texts of each bin of confidence, (BINS,) each: a reliability diagram."""

    texts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    right: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error, 0 to 1."""
        return float(np.abs(self.confidence - self.right).sum() / self.texts.sum())


def reliability(probabilities: Floats, truth: NDArray[np.int64]) -> Reliability:
    """Sort texts by the probability of their best label into 15 bins of equal width.

    Of probabilities (N, L) and the numbers of the true labels (N,).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return Reliability(
        np.bincount(bins, minlength=BINS),
        np.bincount(bins, confidence, minlength=BINS).astype(np.float64),
        np.bincount(bins[right], minlength=BINS),
    )


def expected_calibration_error(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Compute how far confidence and accuracy are apart, on average over the texts.

    In each bin of `reliability`, the share of right answers is compared with the mean of the best
    probabilities (Naeini et al., 2015; Guo et al., 2017).
    """
    return reliability(probabilities, truth).error


def temperature(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Find the T by which to divide logits, so that the truth (N,) is likeliest.

    From probabilities (N, L), whose logarithms are logits (temperature scaling: Guo et al., 2017).
    Few texts move it little.
    """
    logits = _logits(probabilities)
    true = logits[np.arange(len(truth)), truth].mean()
    low, high = COLDEST, HOTTEST
    for _ in range(50):  # the slope in 1/T rises with 1/T, so halving finds where it is zero
        middle = (low + high) / 2
        scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / middle)
        scaled /= scaled.sum(axis=1, keepdims=True)
        too_cold = (scaled * logits).sum(axis=1).mean() > true
        low, high = (middle, high) if too_cold else (low, middle)
    likeliest = (low + high) / 2
    return float(likeliest ** (len(truth) / (len(truth) + DOUBT)))


def calibrated_loss(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Compute the mean cross-entropy, in nats, of probabilities (N, L) at their best temperature.

    So a classifier that is too sure of itself, as all are that learn for long, is judged by what it
    knows and not by how loudly it says so.
    """
    scaled = _logits(probabilities) / temperature(probabilities, truth)
    scaled -= scaled.max(axis=1, keepdims=True)
    normalizers = np.log(np.exp(scaled).sum(axis=1))
    return float((normalizers - scaled[np.arange(len(truth)), truth]).mean())


def _logits(probabilities: Floats) -> NDArray[np.float64]:
    return np.log(np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY))


@torch.no_grad()
def apply_temperature(classifier: Classifier, by: float) -> None:
    """Divide a classifier's logits by a temperature, in place: its head's weights and biases.

    They are rounded to half precision, in which they are stored.
    """
    for parameter in classifier.network.head.parameters():
        parameter.copy_((parameter / by).half())
