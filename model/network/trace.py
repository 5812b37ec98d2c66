"""The trace: what is kept of each layer while a network reads.

Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction, U and S
selected units and steps. Steps come first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.network import lstm, summary
from model.network.pooling import PoolingState
from model.network.selection import Selection
from model.network.state import States


@dataclass(frozen=True)
class LayerInput:
    """What one layer took in and gave out while it read in one direction, in reading order.

    Its input (T, B, X) is ``rows[places]``.
    """

    layer: int
    direction: str
    weights: list[Tensor]  # PyTorch's four
    rows: Tensor  # (N, X)
    places: Tensor  # (T, B)
    hidden: Tensor  # (T, B, H)


@dataclass(frozen=True)
class LayerTrace:
    """What is selected of one layer and direction, with the steps in the order of the text.

    Steps past the end of a shorter text hold numbers without meaning: cut them off by its length.
    """

    layer: int
    direction: str
    tensors: dict[str, Tensor]  # (S, B, U)
    summaries: dict[str, Tensor]  # (S, B) or (S, B, U)


class Tracer:
    """Sees each layer and direction once, as it has been read, and keeps what is selected of it."""

    def __init__(
        self, selection: Selection, tensors: tuple[str, ...], lengths: Tensor, start: States
    ) -> None:
        """``tensors`` are all that the network's cell computes in one step."""
        self.layers: list[LayerTrace] = []
        self._selection = selection
        self._tensors = tensors
        self._wanted = selection.names(tensors)
        self._lengths = lengths
        self._start = start
        self._index = selection.index(lengths)
        self._ends: list[tuple[Tensor, Tensor]] = []  # h and c (B, H), one pair a layer

    def see(self, reading: LayerInput) -> None:
        """Compute what is selected of this layer and direction, and keep it."""
        selection, belt = self._selection, None
        if selection.has(reading.layer, reading.direction):
            names = set(self._tensors if selection.summaries else self._wanted)
            tensors, belt = self._recompute(reading, names, selection.units)
            self.layers.append(self._layer(reading, tensors))
            if "cell" not in names or selection.units is not None:
                belt = None
        if selection.end:
            if belt is None:
                _, belt = self._recompute(reading, {"cell"}.intersection(self._tensors), None)
            self._ends.append((self._last(reading), belt))

    def end(self, account: PoolingState) -> States:
        """Where the texts end, for a network that reads forward."""
        hidden, cell = zip(*self._ends, strict=True)
        return States(torch.stack(hidden), torch.stack(cell), account)

    def pick(self, tensor: Tensor, direction: str = "forward") -> Tensor:
        """The selected steps (S, B, ...) of a tensor (T, B, ...) in reading order, as in the text.

        Where they are all steps in their order, nothing is copied.
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
        self, reading: LayerInput, names: set[str], units: list[int] | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Tensors of all steps in reading order if "cell" is among them, else of those selected.

        "hidden" is known, and left aside. All that any cell has beside it is an LSTM's.
        """
        h, belt = self._start.hidden[reading.layer], self._start.cell[reading.layer]
        if not names - {"hidden"}:
            return {}, belt
        places, before = reading.places, torch.cat([h.unsqueeze(0), reading.hidden[:-1]])
        if "cell" not in names:
            places, before = (self.pick(tensor, reading.direction) for tensor in (places, before))
        lengths = self._lengths if self._selection.end else None
        return lstm.recompute(
            reading.rows, places, before, belt, reading.weights, names, units, lengths
        )

    def _layer(self, reading: LayerInput, tensors: dict[str, Tensor]) -> LayerTrace:
        selection, direction = self._selection, reading.direction
        summaries = {}
        if selection.summaries and "forget_gate" in tensors:
            summaries["retention"] = summary.retention(tensors["forget_gate"])
        if "cell" in tensors:  # then these have all steps
            tensors = {name: self.pick(tensor, direction) for name, tensor in tensors.items()}
            summaries = {name: self.pick(tensor, direction) for name, tensor in summaries.items()}
        hidden = self.pick(reading.hidden, direction)
        if selection.units is not None:
            hidden = hidden[..., selection.units]
        tensors["hidden"] = hidden
        if selection.summaries:
            summaries.update(summary.per_step(tensors))
        kept = {name: tensors[name] for name in self._wanted}
        return LayerTrace(reading.layer, direction, kept, summaries)

    def _last(self, reading: LayerInput) -> Tensor:
        """The states (B, H) after the last step of each text."""
        texts = torch.arange(len(self._lengths), device=self._lengths.device)
        last = reading.hidden[(self._lengths - 1).clamp(min=0), texts]
        before = self._start.hidden[reading.layer]
        return torch.where((self._lengths > 0).unsqueeze(-1), last, before)
