"""Pooling: from the states of all steps to the one vector that the head reads.

Each pooling is a running value (last, largest, sum), so it can be read after any step, and a text
that comes in pieces can be pooled across them.

Shapes in comments: T steps, B texts, L labels, W = D*H units of all directions.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from conveyor.model.network.config import Pooling


class PoolingState(NamedTuple):
    """The poolings over the steps so far, each (..., W), and the number of those steps (...)."""

    last: Tensor
    largest: Tensor
    total: Tensor
    steps: Tensor

    @classmethod
    def empty(cls, like: Tensor) -> Self:
        """Return the state before the first step, of the shape, type and device of ``like``."""
        zeros = torch.zeros_like(like)
        return cls(
            last=zeros,
            largest=torch.full_like(like, -torch.inf),
            total=zeros.double(),
            steps=torch.zeros(like.shape[:-1], dtype=torch.int64, device=like.device),
        )

    def pooled(self, pooling: Pooling) -> Tensor:
        """Return the head's input (..., W), or (..., 3W) for "concat"; without any step, zeros."""
        steps = self.steps.unsqueeze(-1)
        poolings = {
            "last": self.last,
            "max": self.largest.masked_fill(steps == 0, 0.0),
            "mean": (self.total / steps.clamp(min=1)).to(self.last.dtype),
        }
        return torch.cat([poolings[name] for name in poolings if pooling in {name, "concat"}], -1)


def contributions(
    pooled: Tensor, weight: Tensor, directions: Sequence[str], size: int
) -> dict[str, Tensor]:
    """Return the contribution of each unit to each label, by direction: (B, L, ``size``).

    The head is linear over what is pooled. So the logit of label k is exactly
    b_k + Σ_u Σ_p w_{k,p,u} pooled_{p,u}, with u over all units, and p over the poolings of a
    unit: one, or for "concat" three. A unit contributes its inner sum.

    ``pooled`` is the head's input (B, W) or (B, 3W), ``weight`` (L, W) or (L, 3W) the head's own,
    ``size`` the number of units of each of the directions that make up W.
    """
    numbers, weights = (
        tensor.reshape(len(tensor), -1, len(directions), size) for tensor in (pooled, weight)
    )
    summed = torch.einsum("bpdu,lpdu->dblu", numbers, weights)
    return dict(zip(directions, summed, strict=True))


def at_end(
    output: Tensor, lengths: Tensor, width: int, start: PoolingState | None = None
) -> PoolingState:
    """Pool whole texts (B, W): their states (T, B, W) up to their lengths (B,).

    ``width`` is that of the forward direction. A backward direction has read its last step where
    the text begins.
    """
    texts = torch.arange(output.shape[1], device=output.device)
    ends = (lengths - 1).clamp(min=0)
    last = torch.cat([output[ends, texts, :width], output[0, :, width:]], dim=-1)
    steps = torch.arange(len(output), device=output.device)
    past = (steps.unsqueeze(1) >= lengths).unsqueeze(-1)  # (T, B, 1)
    largest = output.masked_fill(past, -torch.inf).amax(dim=0)
    total = output.masked_fill(past, 0.0).sum(dim=0)
    if start is None:
        start = PoolingState.empty(last)
    return PoolingState(
        last=torch.where((lengths > 0).unsqueeze(-1), last, start.last),
        largest=torch.maximum(largest, start.largest),
        total=start.total + total,
        steps=start.steps + lengths,
    )


def after_each_step(output: Tensor, start: PoolingState) -> PoolingState:
    """Pool texts that are read forward up to each of their steps (T, B, W)."""
    steps = torch.arange(1, len(output) + 1, device=output.device)
    return PoolingState(
        last=output,
        largest=torch.maximum(output.cummax(dim=0).values, start.largest),
        total=start.total + output.cumsum(dim=0, dtype=torch.float64),
        steps=start.steps + steps.unsqueeze(1),
    )
