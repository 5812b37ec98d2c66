"""The trace: the selected tensors of each layer, recorded while a network reads.

Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction, U and S
selected units and steps. Steps come first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from conveyor.model.network import lstm, summary
from conveyor.model.network.pooling import PoolingState
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import States


@dataclass(frozen=True)
class LayerInput:
    """The input and the states of one layer that reads in one direction, in reading order.

    The input (T, B, X) is ``rows[indices]``.
    """

    layer: int
    direction: str
    weights: list[Tensor]  # PyTorch's four
    rows: Tensor  # (N, X)
    indices: Tensor  # (T, B)
    hidden: Tensor  # (T, B, H)


@dataclass(frozen=True)
class LayerTrace:
    """The selected tensors of one layer and direction, with the steps in the order of the text.

    Steps past the end of a shorter text hold numbers without meaning: cut them off by its length.
    """

    layer: int
    direction: str
    tensors: dict[str, Tensor]  # (S, B, U)
    summaries: dict[str, Tensor]  # (S, B) or (S, B, U)


class Tracer:
    """Recorder of each layer and direction, as it has been read; keeps the selected tensors."""

    def __init__(
        self, selection: Selection, tensors: tuple[str, ...], lengths: Tensor, start: States
    ) -> None:
        """Begin a trace; ``tensors`` are all that the network's cell computes in one step."""
        self.layers: list[LayerTrace] = []
        self._selection = selection
        self._tensors = tensors
        self._names = selection.names(tensors)
        self._lengths = lengths
        self._start = start
        self._index = selection.index(lengths)
        self._ends: list[tuple[Tensor, Tensor]] = []  # h and c (B, H), one pair a layer

    def record(self, layer_input: LayerInput) -> None:
        """Compute the selected tensors of this layer and direction, and keep them."""
        selection, c = self._selection, None
        if selection.has(layer_input.layer, layer_input.direction):
            names = set(self._tensors if selection.summaries else self._names)
            tensors, c = self._recompute(layer_input, names, selection.units)
            self.layers.append(self._layer(layer_input, tensors))
            if "cell" not in names or selection.units is not None:
                c = None
        if selection.end:
            if c is None:
                _, c = self._recompute(layer_input, {"cell"}.intersection(self._tensors), None)
            self._ends.append((self._last(layer_input), c))

    def end(self, pooling: PoolingState) -> States:
        """Return the states at the ends of the texts, for a network that reads forward."""
        hidden, cell = zip(*self._ends, strict=True)
        return States(torch.stack(hidden), torch.stack(cell), pooling)

    def select(self, tensor: Tensor, direction: str = "forward") -> Tensor:
        """Select steps of a tensor (T, B, ...) in reading order.

        The result (S, B, ...) has the order of the text. Where that is all steps in their order,
        nothing is copied.
        """
        index = self._index
        if direction == "backward":
            steps = torch.arange(len(tensor), device=tensor.device).unsqueeze(1)
            mirrored = self._lengths - 1 - (steps if index is None else index)
            index = mirrored.clamp(min=0)
        if index is None:
            return tensor
        return tensor[index, torch.arange(tensor.shape[1], device=tensor.device)]

    def _recompute(
        self, layer_input: LayerInput, names: set[str], units: list[int] | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Compute tensors in reading order, of the selected steps; of all if "cell" is among them.

        "hidden" is known, and left aside. All that any cell has beside it is an LSTM's.
        """
        h, c = self._start.hidden[layer_input.layer], self._start.cell[layer_input.layer]
        if not names - {"hidden"}:
            return {}, c
        indices, before = layer_input.indices, torch.cat([h.unsqueeze(0), layer_input.hidden[:-1]])
        if "cell" not in names:
            direction = layer_input.direction
            indices, before = (self.select(tensor, direction) for tensor in (indices, before))
        lengths = self._lengths if self._selection.end else None
        return lstm.recompute(
            layer_input.rows, indices, before, c, layer_input.weights, names, units, lengths
        )

    def _layer(self, layer_input: LayerInput, tensors: dict[str, Tensor]) -> LayerTrace:
        selection, direction = self._selection, layer_input.direction
        summaries = {}
        if selection.summaries and "forget_gate" in tensors:
            summaries["retention"] = summary.retention(tensors["forget_gate"])
        if "cell" in tensors:  # then these have all steps
            tensors = {name: self.select(tensor, direction) for name, tensor in tensors.items()}
            summaries = {name: self.select(tensor, direction) for name, tensor in summaries.items()}
        hidden = self.select(layer_input.hidden, direction)
        if selection.units is not None:
            hidden = hidden[..., selection.units]
        tensors["hidden"] = hidden
        if selection.summaries:
            summaries.update(summary.per_step(tensors))
        kept = {name: tensors[name] for name in self._names}
        return LayerTrace(layer_input.layer, direction, kept, summaries)

    def _last(self, layer_input: LayerInput) -> Tensor:
        """Return the states (B, H) after the last step of each text."""
        texts = torch.arange(len(self._lengths), device=self._lengths.device)
        last = layer_input.hidden[(self._lengths - 1).clamp(min=0), texts]
        before = self._start.hidden[layer_input.layer]
        return torch.where((self._lengths > 0).unsqueeze(-1), last, before)
