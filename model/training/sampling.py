"""Batches: which texts are read together at which step of a run."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from more_itertools import chunked

# Batches that are sorted by length together: little padding, and still a different mix each pass.
WINDOW_BATCHES = 50


@dataclass
class Batches:
    """Texts of these lengths, ``size`` at a time, in another mix each time they are gone through.

    Seed and step alone decide which ones: a run that is continued meets what it would have met.
    """

    lengths: Sequence[int]
    size: int
    seed: str
    _pass: int = field(default=-1, init=False)
    _batches: list[list[int]] = field(default_factory=list, init=False)

    @property
    def count(self) -> int:
        """The number of batches in which all texts are met once."""
        return math.ceil(len(self.lengths) / self.size)

    def at(self, step: int) -> list[int]:
        """Return the indices of the texts of a step; the first step is 0."""
        number, place = divmod(step, self.count)
        if number != self._pass:
            self._pass, self._batches = number, self._mixed(number)
        return self._batches[place]

    def _mixed(self, number: int) -> list[list[int]]:
        rng = random.Random(f"{self.seed} {number}")  # noqa: S311 - not a secret
        order = rng.sample(range(len(self.lengths)), len(self.lengths))
        batches = []
        for window in chunked(order, self.size * WINDOW_BATCHES):
            window.sort(key=self.lengths.__getitem__)
            batches += list(chunked(window, self.size))
        rng.shuffle(batches)
        return batches
