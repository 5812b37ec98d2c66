"""Selection: the part of a trace to return. Only that is computed, where this saves work."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from conveyor.model.network import summary
from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig


@dataclass(frozen=True)
class Selection:
    """The selected tensors, layers, directions, units and steps; None stands for all.

    ``units`` are numbers from 0; ``steps`` selects in each text as a slice does in a list, so that
    texts of any length have an answer.
    """

    tensors: tuple[str, ...] | None = None
    layers: tuple[int, ...] | None = None
    directions: tuple[str, ...] | None = None
    units: list[int] | None = None
    steps: slice | None = None
    summaries: bool = False
    step_scores: bool = False
    contributions: bool = False
    end: bool = False

    def names(self, tensors: tuple[str, ...]) -> tuple[str, ...]:
        """Return the selected ones of a cell's tensors, in the cell's order."""
        return tuple(name for name in tensors if self.tensors is None or name in self.tensors)

    def has(self, layer: int, direction: str) -> bool:
        """Return whether this layer and direction is selected."""
        return (self.layers is None or layer in self.layers) and (
            self.directions is None or direction in self.directions
        )

    def count(self, config: ModelConfig) -> int:
        """Count the selected pairs of a layer and a direction."""
        return sum(
            self.has(layer, direction)
            for layer in range(config.num_layers)
            for direction in config.directions
        )

    def directions_of(self, directions: tuple[str, ...]) -> tuple[str, ...]:
        """Return the selected ones of a network's directions, in the network's order."""
        return tuple(d for d in directions if self.directions is None or d in self.directions)

    def steps_of(self, length: int) -> range:
        """Return the selected steps of a text of so many tokens."""
        return range(length)[self.steps or slice(None)]

    def index(self, lengths: Tensor) -> Tensor | None:
        """Return the selected steps (S, B) of texts of these lengths (B,); None if they are all.

        Texts with fewer selected steps than others repeat step 0 to fill up.
        """
        if self.steps is None:
            return None
        chosen = [torch.tensor([*self.steps_of(length), 0]) for length in lengths.tolist()]
        return pad_sequence(chosen)[:-1].to(lengths.device)


def answer_floats(selection: Selection, config: ModelConfig, lengths: Iterable[int]) -> int:
    """Count the numbers of the traces of texts with so many tokens each, their ends left aside."""
    tensors = cell_of(config).TENSORS
    units = config.hidden_size if selection.units is None else len(selection.units)
    per_pair = len(selection.names(tensors)) * units
    if selection.summaries:
        per_pair += summary.floats_per_step(tensors, units)
    labels = len(config.labels)
    per_step = selection.count(config) * per_pair + (labels if selection.step_scores else 0)
    per_text = 0
    if selection.contributions:
        per_text = labels * (1 + len(selection.directions_of(config.directions)) * units)
    return sum(len(selection.steps_of(length)) * per_step + per_text for length in lengths)
