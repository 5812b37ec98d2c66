"""The cells that a network can be made of, and the interface that they have in common.

A cell is a module, `conveyor.model.network.lstm` or `conveyor.model.network.rnn`; all others use
it as a `Cell`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from conveyor.model.network import lstm, rnn
from conveyor.model.network.config import CellName, ModelConfig


class Cell(Protocol):
    """A cell: its tensors, those of them that it carries from step to step, and its fast path."""

    NAME: str  # for people, with its article
    TENSORS: tuple[str, ...]  # all that it computes in one step
    STATES: tuple[str, ...]  # those of them that the next step needs
    MATRICES: int  # weight matrices (H, H+X) over [h, x]

    def build(
        self, inputs: int, units: int, layers: int, *, bidirectional: bool = False
    ) -> nn.RNNBase:
        """Make PyTorch's module that owns the weights, as training begins with them."""

    def run_on(
        self, x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the states (T, B, H) of a layer and direction over x (T, B, X), and the end.

        ``start`` and the end are the tensors (B, H) that STATES names.
        """

    def kernel(self, weights: Sequence[Tensor]) -> lstm.Kernel:
        """Make `run_on` over weights that will not change, where nothing is learned."""


CELLS: Mapping[CellName, Cell] = {"lstm": lstm, "rnn": rnn}


def cell_of(config: ModelConfig) -> Cell:
    """Return the cell of a model."""
    return CELLS[config.cell]


def parameters(layers: nn.RNNBase, layer: int, direction: str) -> list[Tensor]:
    """Return the four parameters of one layer and direction: two weights, two biases.

    Their shapes are (M*H, X), (M*H, H), (M*H,) and (M*H,), where M is the cell's number of
    matrices, which PyTorch stacks.
    """
    suffix = f"l{layer}" + ("_reverse" if direction == "backward" else "")
    names = (f"weight_ih_{suffix}", f"weight_hh_{suffix}", f"bias_ih_{suffix}", f"bias_hh_{suffix}")
    return [getattr(layers, name) for name in names]
