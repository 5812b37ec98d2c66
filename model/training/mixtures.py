"""Mixtures: texts made of pieces of the training texts, and what n-grams think of each.

A network that learns from these answers too (distillation: Hinton et al., 2015; from texts made for
it: Tang et al., 2019) gets to know the words one by one, as n-grams do, where there are too few
texts to show it which of their words matter.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from more_itertools import chunked, pairwise
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model.evaluation.ngrams import NgramClassifier
from conveyor.model.text.tokenizer import Tokenizer

# Batches that are made and judged together, which costs less than each alone.
MADE = 32
# How many texts a mixture has pieces of, one as likely as the next.
PIECES = (1, 2, 2, 3)
# By how much a piece is longer or shorter than its share of the mixture.
LENGTHS = (0.6, 1.4)
# Tokens that are left out of a piece, so that none can be relied on.
LEFT_OUT = 0.1
# Characters of a text that are looked at, for each token that is wanted of it: more than most have.
TOKEN_CHARACTERS = 16


@dataclass
class Mixtures:
    """Mixtures of texts, ``size`` at a time, none longer than ``most`` tokens.

    Seed and step alone decide which ones: a run that is continued meets what it would have met.
    """

    texts: Sequence[str]
    teacher: NgramClassifier
    tokenizer: Tokenizer
    size: int
    most: int
    seed: str
    _pass: int = field(default=-1, init=False)
    _batches: list[tuple[list[NDArray[np.int32]], Tensor]] = field(default_factory=list, init=False)

    def at(self, step: int) -> tuple[list[NDArray[np.int32]], Tensor]:
        """Return the token ids of a step's texts, and probabilities (texts, labels) to learn."""
        number, place = divmod(step, MADE)
        if number != self._pass:
            self._pass, self._batches = number, self._made(number)
        return self._batches[place]

    def _made(self, number: int) -> list[tuple[list[NDArray[np.int32]], Tensor]]:
        rng = random.Random(f"{self.seed} mixtures {number}")  # noqa: S311 - not a secret
        texts = self._mixed(rng, MADE * self.size)
        answers = torch.from_numpy(self.teacher.classify(texts))
        ids = [
            np.array(encoding.last(self.most).ids, np.int32)
            for encoding in self.tokenizer.encode(texts, offsets=False)
        ]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        batches = [
            ([ids[index] for index in batch], answers[batch]) for batch in chunked(order, self.size)
        ]
        rng.shuffle(batches)
        return batches

    def _mixed(self, rng: random.Random, count: int) -> list[str]:
        """Mix so many texts, each as long as some text."""
        pieces = [rng.choice(PIECES) for _ in range(count)]
        drawn = self._cut(rng.choices(self.texts, k=count + sum(pieces)))
        mixed = []
        for number in pieces:
            length = min(len(next(drawn)), self.most)
            parts = [_piece(rng, next(drawn), length / number) for _ in range(number)]
            mixed.append(" ".join(parts))
        return mixed

    def _cut(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Cut texts into their tokens, each with the white space behind it."""
        ends = [text[-self.most * TOKEN_CHARACTERS :] for text in texts]
        for text, encoding in zip(ends, self.tokenizer.encode(ends), strict=True):
            starts = [start for start, _ in encoding.offsets]
            yield [text[start:end] for start, end in pairwise([*starts, len(text)])]


def _piece(rng: random.Random, tokens: Sequence[str], length: float) -> str:
    """Take some tokens in a row, about so many, and leave some of them out."""
    count = max(1, round(length * rng.uniform(*LENGTHS)))
    start = rng.randint(0, max(0, len(tokens) - count))
    return "".join(t for t in tokens[start : start + count] if rng.random() >= LEFT_OUT)
