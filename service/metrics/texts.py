"""Texts and what was predicted of them, so that a drift of the data can be seen."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from conveyor.model.arrays import Floats
from conveyor.model.inference.classifier import Classifier
from conveyor.service.metrics.instruments import SHARES, Instruments


class TextMetrics:
    """Counts the tokens of texts and their best labels. The labels are the model's own."""

    def __init__(self, instruments: Instruments, classifier: Classifier) -> None:
        counter = instruments.counter
        self._unknown_id = classifier.tokenizer.unk_id
        self._labels = classifier.config.labels
        self._texts = counter("texts", "Texts tokenized.")
        self._tokens = counter("tokens", "Tokens of these texts.")
        self._unknown = counter("unknown_tokens", "Tokens that are not in the vocabulary.")
        self._truncated = counter("truncated_texts", "Texts of which only the end was read.")
        self._predictions = counter("predictions", "Texts by their best label.", ["label"])
        self._top_score = instruments.histogram("top_score", "Score of the best label.", SHARES)
        for label in self._labels:
            self._predictions.labels(label)

    def tokenized(self, ids: Iterable[Sequence[int]], truncated: int) -> None:
        """Count texts that became tokens, so many of them truncated."""
        texts = list(ids)
        self._texts.inc(len(texts))
        self._tokens.inc(sum(map(len, texts)))
        if self._unknown_id is not None:
            self._unknown.inc(sum(text.count(self._unknown_id) for text in texts))
        self._truncated.inc(truncated)

    def predicted(self, rows: Sequence[Floats]) -> None:
        """Count texts by their best labels, from their probabilities (labels,)."""
        for label, count in Counter(int(np.argmax(row)) for row in rows).items():
            self._predictions.labels(self._labels[label]).inc(count)
        for row in rows:
            self._top_score.observe(float(row.max()))
