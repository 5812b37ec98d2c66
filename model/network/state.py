"""State: where a network stopped reading, to go on from there with the next piece of the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.pooling import PoolingState

MOST_TOKENS = 2**53

# By how much rounding may lift the mean of h above the largest: the sum of a piece is in single
# precision, and a piece of 2^16 steps errs by no more than 2^16 * 2^-24 a step.
MEAN_ROOM = 2**-8


@dataclass(frozen=True)
class States:
    """The states of B texts, for L layers of H units that read forward.

    The cell state is in double precision, as it is in the trace: what is rounded off at a cut would
    otherwise stay in it. Where the network's cell has none, it is no units wide.
    """

    hidden: Tensor  # (L, B, H)
    cell: Tensor  # (L, B, H), double
    pooling: PoolingState  # (B, H): of the top layer's steps

    @classmethod
    def initial(cls, config: ModelConfig, texts: int, device: torch.device) -> Self:
        """Return the states of texts of which nothing has been read."""
        hidden = torch.zeros(config.num_layers, texts, config.hidden_size, device=device)
        cell = hidden[..., : _cell_size(config)].double()
        return cls(hidden, cell, PoolingState.empty(hidden[0]))

    @classmethod
    def stack(cls, states: Sequence["State | None"], config: ModelConfig) -> Self:
        """Stack the states of a batch; None is a text's beginning."""
        all_states = [state or State.initial(config) for state in states]

        def stacked(name: str, dim: int) -> Tensor:
            return torch.stack([torch.from_numpy(getattr(s, name)) for s in all_states], dim)

        hidden = stacked("hidden", 1)
        count = torch.tensor([state.tokens for state in all_states])
        pooling = PoolingState(hidden[-1], stacked("largest", 0), stacked("total", 0), count)
        return cls(hidden, stacked("cell", 1), pooling)

    def before(self, layer: int, names: Sequence[str], dtype: torch.dtype) -> list[Tensor]:
        """Return the tensors (B, H) of these names that a layer goes on from."""
        return [getattr(self, name)[layer].to(dtype) for name in names]

    def to(self, device: torch.device) -> "States":
        """Copy the states to another device."""
        pooling = PoolingState(*(tensor.to(device) for tensor in self.pooling))
        return States(self.hidden.to(device), self.cell.to(device), pooling)

    def of(self, text: int) -> "State":
        """Return one text's state."""
        return State(
            tokens=int(self.pooling.steps[text]),
            hidden=self.hidden[:, text].numpy(force=True).copy(),
            cell=self.cell[:, text].numpy(force=True).copy(),
            largest=self.pooling.largest[text].numpy(force=True).copy(),
            total=self.pooling.total[text].numpy(force=True).copy(),
        )


@dataclass(frozen=True)
class State:
    """One text's state after so many tokens, for L layers of H units; ``cell`` as in `States`."""

    tokens: int
    hidden: NDArray[np.float32]  # (L, H)
    cell: NDArray[np.float64]  # (L, H)
    largest: NDArray[np.float32]  # (H,)
    total: NDArray[np.float64]  # (H,)

    @classmethod
    def initial(cls, config: ModelConfig) -> Self:
        """Return the state of a text of which nothing has been read."""
        shape = (config.num_layers, config.hidden_size)
        return cls(
            tokens=0,
            hidden=np.zeros(shape, np.float32),
            cell=np.zeros((shape[0], _cell_size(config))),
            largest=np.full(shape[1], -np.inf, np.float32),
            total=np.zeros(shape[1]),
        )

    @property
    def possible(self) -> bool:
        """True if the equations allow these numbers.

        A caller may make a state of its own; but not one with NaN or with numbers that would
        overflow. Before the first token all is as it begins. After it, a step
        changes c and the sum of h by no more than 1, h lies within 1 of 0, and the largest h
        is none that is less than the last one, nor than the mean. Rounding keeps all this: integers
        up to 2^53 are exact, and what is not greater stays so; but for the mean of many, which is
        given some room.
        """
        if self.tokens == 0:
            start = (0, 0, -np.inf, 0)
            pairs = zip(self.arrays, start, strict=True)
            return all(bool((array == value).all()) for array, value in pairs)
        bounds = (1, self.tokens, 1, self.tokens)
        pairs = zip(self.arrays, bounds, strict=True)
        return (
            0 < self.tokens < MOST_TOKENS
            and all(bool((np.abs(array) <= bound).all()) for array, bound in pairs)
            and bool((self.hidden[-1] <= self.largest).all())
            and bool((self.total <= self.tokens * (self.largest + MEAN_ROOM)).all())
        )

    @property
    def arrays(self) -> tuple[NDArray[np.floating], ...]:
        """All its numbers, in the order in which they are written."""
        return self.hidden, self.cell, self.largest, self.total


def _cell_size(config: ModelConfig) -> int:
    """Return how many units of a layer have a cell state: all, or none."""
    return config.hidden_size if "cell" in cell_of(config).STATES else 0
