"""A network of another framework, its matrices in PyTorch's layout, converted to ours.

G is the number of gates of the cell, H the units of one direction, W those of all directions, X the
inputs of a layer, V the vocabulary, K the columns that a head reads, L its outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model.convert.head import PARTS, convert_head
from conveyor.model.convert.source import NetworkShape
from conveyor.model.errors import ConversionError
from conveyor.model.network.config import CellName

Array = NDArray[np.floating]

# How far a mean of numbers between -1 and 1 may be off in single precision.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Direction:
    """One direction of a layer; gates in the order i, f, g, o."""

    weight_ih: Array  # (G*H, X)
    weight_hh: Array  # (G*H, H)
    bias_ih: Array  # (G*H,)
    bias_hh: Array  # (G*H,)


@dataclass(frozen=True)
class Layer:
    """One layer, by the name that its model has for it; a second direction reads backward."""

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


@dataclass(frozen=True)
class Network:
    """A whole network. ``reads`` are the columns of last, max and mean (3W) that the head reads."""

    embedding: Array  # (V, X)
    layers: Sequence[Layer]
    head: Array  # (L, K)
    bias: Array  # (L,)
    reads: Sequence[int]  # K

    def to_state_dict(self) -> tuple[dict[str, Tensor], NetworkShape]:
        """Return the tensors of `LSTMClassifier`'s state dict, and the sizes of the network.

        Raises ConversionError where the layers differ in what an artifact has one number for.
        """
        first, width = self.layers[0], self.layers[-1].width
        self._check_alike()
        parts = [part for part in range(len(PARTS)) if any(r // width == part for r in self.reads)]
        chunks = np.split(spread(self.head, self.reads, len(PARTS) * width), len(PARTS), axis=1)
        weight, bias, pooling = convert_head(
            _float32(np.concatenate([chunks[part] for part in parts], axis=1)),
            _float32(self.bias),
            [PARTS[part] for part in parts],
        )
        weights = {
            "embedding.weight": _float32(self.embedding),
            **self._recurrent(),
            "head.weight": weight,
            "head.bias": bias,
        }
        return weights, NetworkShape(
            vocab_size=len(self.embedding),
            embedding_dim=self.embedding.shape[1],
            hidden_size=first.units,
            num_layers=len(self.layers),
            bidirectional=len(first.directions) > 1,
            pooling=pooling,
            labels=len(bias),
            cell=first.cell,
        )

    def _check_alike(self) -> None:
        first = self.layers[0]
        for layer in self.layers[1:]:
            for name, one, other in (
                ("kinds of cell", first.cell, layer.cell),
                ("numbers of directions", len(first.directions), len(layer.directions)),
                ("numbers of units", first.units, layer.units),
            ):
                if one != other:
                    raise ConversionError(
                        f"its layers {first.name} and {layer.name} have different {name}, {one} "
                        f"and {other}, where those of an artifact are alike"
                    )

    def _recurrent(self) -> dict[str, Tensor]:
        return {
            f"{layer.cell}.{name}_l{depth}{suffix}": _float32(array)
            for depth, layer in enumerate(self.layers)
            for suffix, direction in zip(("", "_reverse"), layer.directions, strict=False)
            for name, array in vars(direction).items()
        }


def spread(weight: Array, reads: Sequence[int], width: int) -> Array:
    """Return a matrix (N, K) that reads some columns of ``width`` as one (N, width) that reads all.

    Columns that it does not read have zeros; one that it reads twice, the sum.
    """
    wide = np.zeros((len(weight), width), weight.dtype)
    for column, numbers in zip(reads, weight.T, strict=True):
        wide[:, column] += numbers
    return wide


def columns(pairs: Sequence[tuple[Array, Array]]) -> list[int] | None:
    """Find each column of what was read (N, K) among those offered (N, M), and return its index.

    None if one is none of them, or could be several. All numbers lie between -1 and 1.
    """
    read = np.concatenate([pair[0] for pair in pairs])
    offered = np.concatenate([pair[1] for pair in pairs])
    found = []
    for column in read.T:
        (indices,) = (np.abs(offered.T - column) <= TOLERANCE).all(axis=1).nonzero()
        if len(indices) != 1:
            return None
        found.append(int(indices[0]))
    return found


def _float32(array: Array) -> Tensor:
    """Copy an array to a tensor of single precision."""
    return torch.from_numpy(np.array(array, np.float32, order="C"))
