"""GraphTrace: the parts of a network that an ONNX graph computes, and their numbers in one run.

Shapes in comments: T steps, B texts, X inputs, D directions, H units of one direction, W = D*H, K
columns that a part reads, L outputs of the head, V the vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from conveyor.model.convert.network import Array, Layer
from conveyor.model.convert.onnx.nodes import Values

Output = Literal["logits", "probabilities", "log-probabilities"]


@dataclass
class GraphTrace:
    """The parts found in one run of a graph, and the random numbers in place of their outputs."""

    embedding: tuple[str, Array]  # (V, X)
    embedded: Values  # the shape of the ids, and X
    head: tuple[str, Array]  # (K, L)
    pooled: Values  # what the head read (B, K)
    logits: Values  # (B, L)
    bias: tuple[str, Array] | None = None  # (L,)
    output: Output = "logits"
    steps_first: bool = False
    skips: int | None = None  # the id that is masked
    layers: list[Layer] = field(default_factory=list)
    read: list[Values] = field(default_factory=list)  # by each layer (T*B, K)
    states: list[Values] = field(default_factory=list)  # of each layer (T, D, B, H)
    cells: list[Values] = field(default_factory=list)  # of each layer, at the end (D, B, H)

    @classmethod
    def empty(cls) -> "GraphTrace":
        """Return the trace before the first node."""
        none = np.empty(0, np.float32)
        return cls(("", none), none, ("", none), none, none)

    def side_by_side(self, depth: int) -> Values:
        """Return the states of a layer, its directions side by side (T*B, W)."""
        steps, directions, texts, units = self.states[depth].shape
        return self.states[depth].transpose(0, 2, 1, 3).reshape(steps * texts, directions * units)

    @property
    def poolings(self) -> Values:
        """The top layer's last, largest and mean, side by side (B, 3W)."""
        top = self.states[-1]
        last = [top[-1, 0], *top[0, 1:]]
        return np.concatenate([*last, *top.max(axis=0), *top.mean(axis=0)], axis=-1)

    @property
    def mistakable(self) -> Mapping[str, Values]:
        """Values (B, W) that heads are seen to read instead, which no pooling gives."""
        at_last_step = np.concatenate([*self.states[-1][-1]], axis=-1)
        return {
            "the cell state c": np.concatenate([*self.cells[-1]], axis=-1),
            "the backward direction at the last step, where it has read one token": at_last_step,
        }
