"""The recurrent layers: another model's matrices by our names, all of one kind and size.

G is the number of gates of the cell, H the units of one direction, X the inputs of a layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.config import CellName
from model.errors import ConversionError

Array = NDArray[np.floating]

# How far a mean in single precision may be off.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Direction:
    """One direction of a layer, in PyTorch's layout: gates in the order i, f, g, o."""

    weight_ih: Array  # (G*H, X)
    weight_hh: Array  # (G*H, H)
    bias_ih: Array  # (G*H,)
    bias_hh: Array  # (G*H,)


@dataclass(frozen=True)
class Layer:
    """One layer, by the name that its own model has for it; a second direction reads backward."""

    name: str
    cell: CellName
    directions: Sequence[Direction]

    @property
    def units(self) -> int:
        """The units of one direction."""
        return int(self.directions[0].weight_hh.shape[1])

    @property
    def width(self) -> int:
        """The units of all directions."""
        return self.units * len(self.directions)


def lay_layers(layers: Sequence[Layer]) -> dict[str, Tensor]:
    """The layers' tensors by the names of `LSTMClassifier`'s state dict.

    Raises ConversionError where the layers differ in what an artifact has one number for.
    """
    first = layers[0]
    for layer in layers[1:]:
        for what, one, other in (
            ("cells", first.cell, layer.cell),
            ("directions", len(first.directions), len(layer.directions)),
            ("units", first.units, layer.units),
        ):
            if one != other:
                raise ConversionError(
                    f"The layers {first.name} and {layer.name} have different {what}, {one} and "
                    f"{other}: all layers of an artifact have the same."
                )
    return {
        f"{layer.cell}.{name}_l{depth}{'_reverse' if backward else ''}": float32(array)
        for depth, layer in enumerate(layers)
        for backward, direction in enumerate(layer.directions)
        for name, array in vars(direction).items()
    }


def float32(array: Array) -> Tensor:
    """An array as a tensor of single precision, with memory of its own."""
    return torch.from_numpy(np.array(array, np.float32))


def spread(weight: Array, reads: Sequence[int], width: int) -> Array:
    """A matrix (N, K) that reads these columns of ``width``, as one (N, width) that reads all.

    Columns that it does not read have zeros; one that it reads twice, the sum.
    """
    wide = np.zeros((len(weight), width), weight.dtype)
    for column, numbers in zip(reads, weight.T, strict=True):
        wide[:, column] += numbers
    return wide


def columns(pairs: Sequence[tuple[Array, Array]]) -> list[int] | None:
    """For each column of what was read (N, K), which one of those offered (N, M) it is.

    None if one is none of them, or could be several. All numbers lie between -1 and 1.
    """
    read = np.concatenate([pair[0] for pair in pairs])
    offered = np.concatenate([pair[1] for pair in pairs])
    found = []
    for column in read.T:
        (places,) = (np.abs(offered.T - column) <= TOLERANCE).all(axis=1).nonzero()
        if len(places) != 1:
            return None
        found.append(int(places[0]))
    return found
