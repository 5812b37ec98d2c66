"""Metrics of a classifier on labelled texts: accuracy, precision, recall, confusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conveyor.model.arrays import Floats
from conveyor.model.data.examples import Example
from conveyor.model.errors import DataError
from conveyor.model.evaluation.calibration import expected_calibration_error
from conveyor.model.inference.classifier import Classifier

# Texts predicted at once: enough to sort by length, few enough for a lively progress bar.
WINDOW = 512


@dataclass(frozen=True)
class Evaluation:
    """Counts (labels, labels) of texts by true label (row) and predicted label (column).

    And how far its scores are from what they should mean.
    """

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    calibration_error: float  # expected, 0 to 1

    @property
    def texts(self) -> int:
        """The number of texts."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of texts whose predicted label is the true one."""
        return float(np.trace(self.confusion) / self.texts)

    @property
    def precision(self) -> NDArray[np.float64]:
        """For each label, the share of predictions of it that are true; NaN if never predicted."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """For each label, the share of its texts that are predicted so; NaN if it has no texts."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    def confusions(self, count: int) -> list[tuple[str, str, int]]:
        """List (true label, predicted label, texts) of mistakes, the most frequent ones first."""
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        indices = np.argsort(-wrong, axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(indices, wrong.shape)
        return [
            (self.labels[row], self.labels[column], int(wrong[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if wrong[row, column]
        ]


def evaluate(
    classifier: Classifier,
    examples: Sequence[Example],
    on_progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Predict each example's label, long texts by their last ``max_tokens`` tokens.

    ``on_progress`` is told the number of texts done so far.

    Raises DataError for a label that the classifier does not have.
    """
    labels = classifier.config.labels
    truth, probabilities = classify_examples(classifier, examples, on_progress)
    return Evaluation(
        labels,
        confusion(truth, probabilities.argmax(axis=1), len(labels)),
        expected_calibration_error(probabilities, truth),
    )


def classify_examples(
    classifier: Classifier,
    examples: Sequence[Example],
    on_progress: Callable[[int], None] = lambda _: None,
) -> tuple[NDArray[np.int64], Floats]:
    """Return the ids of the true labels (N,), and the probabilities of all labels (N, labels).

    As `evaluate`, and with its errors.
    """
    config = classifier.config
    truth = label_ids(examples, config.labels, config.label_aliases)
    probabilities = np.empty((len(examples), len(config.labels)), np.float32)
    for start in range(0, len(examples), WINDOW):
        window = [example.text for example in examples[start : start + WINDOW]]
        probabilities[start : start + WINDOW] = classifier.classify(window)
        on_progress(start + len(window))
    return truth, probabilities


def label_ids(
    examples: Sequence[Example], labels: Sequence[str], aliases: dict[str, str]
) -> NDArray[np.int64]:
    """Return the ids of the examples' labels (N,); a label may go by its alias.

    Raises DataError for the first example whose label is none of them.
    """
    ids = {label: index for index, label in enumerate(labels)}
    ids |= {alias: ids[label] for alias, label in aliases.items()}
    unknown = next((example for example in examples if example.label not in ids), None)
    if unknown:
        where = unknown.place or "The data"
        raise DataError(
            f"{where} has the label {unknown.label!r}, which the model does not have; "
            f"its labels are {', '.join(map(repr, labels[:10]))}"
            f"{' and more' if len(labels) > 10 else ''}."  # noqa: PLR2004 - a readable sentence
        )
    return np.array([ids[example.label] for example in examples])


def confusion(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], labels: int
) -> NDArray[np.int64]:
    """Count pairs of labels, (labels, labels): true labels in rows, predicted ones in columns."""
    counts = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return counts.reshape(labels, labels)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return part / whole
