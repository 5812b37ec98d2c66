"""Summaries of a trace, few enough numbers for people to read: saturation, norms, retention."""

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

# A gate's unit below the first is all but closed, above the second all but open (Karpathy,
# Johnson & Fei-Fei, 2015, "Visualizing and Understanding Recurrent Networks", section 4.2).
CLOSED, OPEN = 0.1, 0.9

# A value in the cell state counts for as long as this part of it is left.
COUNTS = 0.1

SATURATING = ("forget_gate", "input_gate", "output_gate")
NORMED = ("hidden", "cell")


def floats_per_step(tensors: Collection[str], units: int) -> int:
    """Return how many numbers a step's summaries have, for a cell with these tensors."""
    gates, norms = (sum(name in tensors for name in kind) for kind in (SATURATING, NORMED))
    return 2 * gates + norms + (units if "forget_gate" in tensors else 0)


def arrays_per_layer(tensors: Collection[str]) -> int:
    """Return how many arrays summarize a layer and direction, for a cell with these tensors."""
    gates, norms = (sum(name in tensors for name in kind) for kind in (SATURATING, NORMED))
    return 2 * gates + norms + ("forget_gate" in tensors)


def per_step(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Summarize each step over the units of tensors (..., U): numbers (...).

    The share of a gate's units that are all but closed, or all but open, and the Euclidean norms of
    h and c; of those that the cell has.
    """
    summaries = {}
    for gate in (name for name in SATURATING if name in tensors):
        summaries[f"{gate}_closed"] = (tensors[gate] < CLOSED).float().mean(dim=-1)
        summaries[f"{gate}_open"] = (tensors[gate] > OPEN).float().mean(dim=-1)
    for name in (name for name in NORMED if name in tensors):
        summaries[f"{name}_norm"] = torch.linalg.vector_norm(tensors[name], dim=-1)
    return summaries


def retention(forget_gate: Tensor) -> Tensor:
    """Return how far back each unit's cell state reaches: steps (T, B, U), by its forget gates.

    ``forget_gate`` is (T, B, U), in reading order. At step t, the largest k such that c of step t-k
    still counts: at least a tenth of it has passed the forget gates f_{t-k+1} to f_t. k ends where
    the steps begin.
    """
    # As logarithms, products of any length neither vanish nor need a loop. A gate that is shut for
    # good keeps its sum finite: any number far below COUNTS will do.
    faded = -forget_gate.double().clamp(min=1e-30).log().cumsum(dim=0)  # ascends over the steps
    faded = faded.permute(1, 2, 0).contiguous()  # (B, U, T)
    # A hair's breadth more than the mark, so that a product that equals it counts.
    earliest = torch.searchsorted(faded, faded + math.log(COUNTS) - 1e-9)
    steps = torch.arange(len(forget_gate), device=faded.device)
    return (steps - earliest).permute(2, 0, 1).to(torch.int32)
