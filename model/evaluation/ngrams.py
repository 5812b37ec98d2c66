"""The n-gram baseline: what counting words and characters, without any order, knows of the labels.

TF-IDF and logistic regression of scikit-learn: the five lines that anybody would try first.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from conveyor.model.arrays import Floats
from conveyor.model.data.examples import Example
from conveyor.model.errors import TrainingError
from conveyor.model.evaluation.metrics import Evaluation, label_ids
from conveyor.model.extras import install_command

# Characters of all texts that are counted: seconds, and a few hundred megabytes.
MOST_CHARACTERS = 10_000_000
# Characters of a text that are counted, from its end.
TEXT_CHARACTERS = 20_000
# Weights of the regression, features times labels: its solver keeps some twenty copies.
MOST_WEIGHTS = 10_000_000
# The most features of each kind that any number of labels gets.
MOST_FEATURES = 200_000

WORD = re.compile(r"\w+")
WORDS, CHARACTERS = (1, 2), (2, 5)
# How little the weights are held back: chosen on held-out texts of four data sets.
C = 10.0
ITERATIONS = 100


@dataclass(frozen=True)
class NgramClassifier:
    """TF-IDF of words and characters, and logistic regression, over labels 0, 1, ..."""

    pipeline: Any
    labels: int

    @classmethod
    def fit(cls, texts: Sequence[str], label_ids: NDArray[np.int64], labels: int) -> Self:
        """Fit it to texts and their labels; of many, to as many as are counted in seconds.

        Raises TrainingError without scikit-learn, and for texts that are all empty.
        """
        try:
            from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - an optional extra
            from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
            from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
            from sklearn.pipeline import make_pipeline, make_union  # noqa: PLC0415
        except ImportError:
            raise TrainingError(
                f"Training needs the sklearn library: {install_command('train')}."
            ) from None

        if not any(map(str.strip, texts)):
            raise TrainingError("All texts are empty: look into the data's column of texts.")
        features = min(MOST_FEATURES, MOST_WEIGHTS // labels)
        shared = {"sublinear_tf": True, "max_features": features, "dtype": np.float32}
        counters = [TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, **shared)]
        if any(map(WORD.search, texts)):  # it refuses texts of signs alone
            counters += [TfidfVectorizer(token_pattern=WORD.pattern, ngram_range=WORDS, **shared)]
        regression = LogisticRegression(C=C, max_iter=ITERATIONS)
        pipeline = make_pipeline(make_union(*counters), regression)
        chosen = _sample(texts, label_ids)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is near enough by then
            pipeline.fit(_ends(texts[index] for index in chosen), label_ids[chosen])
        return cls(pipeline, labels)

    def classify(self, texts: Sequence[str]) -> Floats:
        """Return the probabilities of all labels (texts, labels)."""
        probabilities = np.zeros((len(texts), self.labels), np.float32)
        probabilities[:, self.pipeline.classes_] = self.pipeline.predict_proba(_ends(texts))
        return probabilities


def _ends(texts: Iterable[str]) -> list[str]:
    return [text[-TEXT_CHARACTERS:] for text in texts]


def _sample(texts: Sequence[str], label_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Choose texts at random, one of each label first, in all as long as is counted."""
    order = np.random.default_rng(0).permutation(len(texts))
    _, firsts = np.unique(label_ids[order], return_index=True)
    order = np.concatenate([order[firsts], np.delete(order, firsts)])
    ends = np.cumsum([min(len(texts[index]), TEXT_CHARACTERS) for index in order])
    return np.sort(order[: max(len(firsts), int(np.searchsorted(ends, MOST_CHARACTERS)))])


def fit_ngrams(
    examples: Sequence[Example], labels: Sequence[str], aliases: dict[str, str]
) -> NgramClassifier:
    """Fit n-grams to examples. Raises TrainingError."""
    ids = label_ids(examples, labels, aliases)
    return NgramClassifier.fit([example.text for example in examples], ids, len(labels))


def evaluate_ngrams(
    ngrams: NgramClassifier,
    examples: Sequence[Example],
    labels: Sequence[str],
    aliases: dict[str, str],
) -> Evaluation:
    """Judge n-grams on examples, by accuracy and all the rest."""
    probabilities = ngrams.classify([example.text for example in examples])
    return Evaluation.of(tuple(labels), label_ids(examples, labels, aliases), probabilities)
