"""Metrics of a classifier on labelled texts: accuracy, precision, recall, confusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from conveyor.model.arrays import Floats
from conveyor.model.data.examples import Example
from conveyor.model.errors import DataError
from conveyor.model.evaluation.calibration import calibrated_loss, expected_calibration_error
from conveyor.model.inference.classifier import Classifier

# Texts predicted at once: enough to sort by length, few enough for a lively progress bar.
WINDOW = 512

# So many labels are shown to people, of those that are known least.
WORST = 10


class LabelScore(NamedTuple):
    """How a label is told: NaN for the precision of one that is never predicted."""

    label: str
    precision: float
    recall: float
    texts: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 for a label that is never told right."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total > 0 else 0.0


@dataclass(frozen=True)
class Evaluation:
    """Counts (labels, labels) of texts by true label (row) and predicted label (column).

    And how far its scores are from what they should mean.
    """

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    calibration_error: float  # expected, 0 to 1
    loss: float  # mean cross-entropy in nats, once the scores are calibrated

    @classmethod
    def of(cls, labels: tuple[str, ...], truth: NDArray[np.int64], probabilities: Floats) -> Self:
        """Judge probabilities (N, labels) by the ids of the true labels (N,)."""
        predicted = probabilities.argmax(axis=1)
        return cls(
            labels,
            confusion(truth, predicted, len(labels)),
            expected_calibration_error(probabilities, truth),
            calibrated_loss(probabilities, truth),
        )

    @property
    def texts(self) -> int:
        """The number of texts."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of texts whose predicted label is the true one."""
        return float(np.trace(self.confusion) / self.texts)

    @property
    def uncertainty(self) -> float:
        """The standard error of the accuracy: so much it wavers from one set of texts to another.

        That of a proportion, with a text right and one wrong added (Agresti & Coull, 1998): where
        all of three texts are right, not all are.
        """
        right = (np.trace(self.confusion) + 1) / (self.texts + 2)
        return float(np.sqrt(right * (1 - right) / (self.texts + 2)))

    @property
    def majority(self) -> float:
        """The accuracy of who always says the most frequent label."""
        return float(self.confusion.sum(axis=1).max() / self.texts)

    @property
    def never_predicted(self) -> tuple[str, ...]:
        """The labels that have texts, and that no text is given."""
        texts, predicted = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return tuple(
            label
            for label, there, said in zip(self.labels, texts, predicted, strict=True)
            if there and not said
        )

    @property
    def precision(self) -> NDArray[np.float64]:
        """For each label, the share of predictions of it that are true; NaN if never predicted."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """For each label, the share of its texts that are predicted so; NaN if it has no texts."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    def worst_labels(self, count: int) -> list[LabelScore]:
        """List so many labels, in their order: those of the lowest F1, among labels with texts."""
        texts = self.confusion.sum(axis=1)
        scores = [
            LabelScore(*each)
            for each in zip(self.labels, self.precision, self.recall, texts, strict=True)
        ]
        if len(scores) <= count:
            return scores
        worst = sorted((each for each in scores if each.texts), key=lambda each: each.f1)[:count]
        return [each for each in scores if each in worst]

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
    truth, probabilities = classify_examples(classifier, examples, on_progress)
    return Evaluation.of(classifier.config.labels, truth, probabilities)


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
