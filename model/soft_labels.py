"""Soft labels: to learn how likely each label is, from one who knows (Hinton et al., 2015)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.data import SoftExample
from model.errors import DataError


def one_hot(label_ids: Tensor, labels: int) -> Tensor:
    """Label ids (texts,) as probabilities (texts, labels): all of it for the one."""
    return functional.one_hot(label_ids, labels).float()


def probabilities(examples: Sequence[SoftExample], labels: Sequence[str]) -> Tensor:
    """The probabilities (texts, labels) of the examples; labels without a score have none.

    Raises DataError for the first example with a label that is none of these.
    """
    places = {label: place for place, label in enumerate(labels)}
    table = np.zeros((len(examples), len(labels)), np.float32)
    for row, example in zip(table, examples, strict=True):
        for label, score in example.scores.items():
            if label not in places:
                raise DataError(
                    f"{example.source}, line {example.line} has a score for the label {label!r}, "
                    "which no labelled text has: give scores under the labels of the model."
                )
            row[places[label]] = score
    return torch.from_numpy(table)


def merged(judged: Sequence[Sequence[SoftExample]]) -> list[SoftExample]:
    """One example a text: where several judge the same, the mean of what they give.

    An average of several models is right more often than each of them, and one model can learn it
    (Hinton et al., 2015).
    """
    by_text: dict[str, list[SoftExample]] = {}
    for example in (example for one in judged for example in one):
        by_text.setdefault(example.text, []).append(example)
    return [_mean(group) for group in by_text.values()]


def _mean(group: Sequence[SoftExample]) -> SoftExample:
    first = group[0]
    labels = dict.fromkeys(label for example in group for label in example.scores)
    means = {
        label: sum(example.scores.get(label, 0.0) for example in group) / len(group)
        for label in labels
    }
    return SoftExample(first.text, means, first.source, first.line)
