"""What a trace comes to, in numbers small enough for people to read."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

# A gate's unit below the first is all but closed, above the second all but open (Karpathy,
# Johnson & Fei-Fei, 2015, "Visualizing and Understanding Recurrent Networks", section 4.2).
CLOSED, OPEN = 0.1, 0.9

# A value on the belt counts for as long as this part of it is left.
COUNTS = 0.1

SATURATING = ("forget_gate", "input_gate", "output_gate")
PER_STEP = (
    *(f"{gate}_{side}" for gate in SATURATING for side in ("closed", "open")),
    "hidden_norm",
    "cell_norm",
)


def per_step(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """For each step, over the units of tensors (..., U): numbers (...), named as in PER_STEP.

    The share of a gate's units that are all but closed, or all but open, and the Euclidean norms of
    h and c.
    """
    summaries = {}
    for gate in SATURATING:
        summaries[f"{gate}_closed"] = (tensors[gate] < CLOSED).float().mean(dim=-1)
        summaries[f"{gate}_open"] = (tensors[gate] > OPEN).float().mean(dim=-1)
    for name in ("hidden", "cell"):
        summaries[f"{name}_norm"] = torch.linalg.vector_norm(tensors[name], dim=-1)
    return summaries


def retention(forget_gate: Tensor) -> Tensor:
    """How far back each unit's belt reaches, in steps (T, B, U), by its forget gates (T, B, U).

    At step t, the largest k such that what lay on the belt at step t-k still counts: at least a
    tenth of it has passed the forget gates f_{t-k+1} to f_t. k ends where the steps begin. They are
    in reading order.
    """
    # As logarithms, products of any length neither vanish nor need a loop. A gate that is shut for
    # good keeps its sum finite: any number far below COUNTS will do.
    faded = -forget_gate.double().clamp(min=1e-30).log().cumsum(dim=0)  # ascends over the steps
    faded = faded.permute(1, 2, 0).contiguous()  # (B, U, T)
    # A hair's breadth more than the mark, so that a product that equals it counts.
    earliest = torch.searchsorted(faded, faded + math.log(COUNTS) - 1e-9)
    steps = torch.arange(len(forget_gate), device=faded.device)
    return (steps - earliest).permute(2, 0, 1).to(torch.int32)
