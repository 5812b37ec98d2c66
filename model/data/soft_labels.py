"""Soft labels: to learn how likely each label is, from one who knows (Hinton et al., 2015)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from conveyor.model.data.formats import JSONL, format_of
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import Columns, Row, good
from conveyor.model.errors import DataError

SCORES = "scores"
# Scores may have been rounded, to three digits or more.
SUM_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class SoftExample:
    """A text, and what somebody gives for each label it may have: probabilities that sum to 1."""

    text: str
    scores: Mapping[str, float]
    place: str = field(default="", compare=False, repr=False)  # where it stands, for people


def read_soft_examples(source: str, text_column: str | None = None) -> list[SoftExample]:
    """Read the texts of a .jsonl file, also .gz, and their ``scores``, an object of probabilities.

    Raises DataError with file and line.
    """
    if format_of(source).kind != JSONL:
        raise DataError(f"{source} is no {JSONL} file: scores of several labels need one.")
    with open_rows(source, Columns(text_column, labelled=False)) as rows:
        examples = [SoftExample(row.text, _scores(row), row.place) for row in good(rows)]
    if not examples:
        raise DataError(f"{source} holds no texts: it needs a line for each, with its scores.")
    return examples


def _scores(row: Row) -> Mapping[str, float]:
    scores = row.cell(SCORES)
    numbers = scores.values() if isinstance(scores, dict) else []
    if not numbers or not all(isinstance(n, int | float) and 0 <= n <= 1 for n in numbers):
        raise row.error(f"{SCORES!r} is not an object with a probability for each label")
    total = sum(numbers)
    if abs(total - 1) > SUM_TOLERANCE:
        raise row.error(f"the {SCORES} sum to {total:.4g} and not to 1: give those of all labels")
    return {label: number / total for label, number in scores.items()}


def one_hot(label_ids: Tensor, labels: int) -> Tensor:
    """Turn label ids (N,) into probabilities (N, labels): all of it for the one."""
    return functional.one_hot(label_ids, labels).float()


def probabilities(examples: Sequence[SoftExample], labels: Sequence[str]) -> Tensor:
    """Return the probabilities (N, labels) of N examples; 0 for labels without a score.

    Raises DataError for the first example with a label that is none of these.
    """
    indices = {label: index for index, label in enumerate(labels)}
    table = np.zeros((len(examples), len(labels)), np.float32)
    for row, example in zip(table, examples, strict=True):
        for label, score in example.scores.items():
            if label not in indices:
                raise DataError(
                    f"{example.place} has a score for the label {label!r}, "
                    "which no labelled text has: give scores under the labels of the model."
                )
            row[indices[label]] = score
    return torch.from_numpy(table)


def merged(opinions: Sequence[Sequence[SoftExample]]) -> list[SoftExample]:
    """Merge what several models say of a text into one example: the mean of their scores.

    An average of several models is right more often than each of them, and one model can learn it
    (Hinton et al., 2015).
    """
    by_text: dict[str, list[SoftExample]] = {}
    for example in (example for one in opinions for example in one):
        by_text.setdefault(example.text, []).append(example)
    return [_mean(group) for group in by_text.values()]


def _mean(group: Sequence[SoftExample]) -> SoftExample:
    first = group[0]
    labels = dict.fromkeys(label for example in group for label in example.scores)
    means = {
        label: sum(example.scores.get(label, 0.0) for example in group) / len(group)
        for label in labels
    }
    return SoftExample(first.text, means, first.place)
