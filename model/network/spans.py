"""Spans: texts are read in spans of few shapes, as the kernel keeps a plan for each shape.

oneDNN's primitive cache holds 1,024 plans of about a megabyte (torch 2.13), each with the working
memory of its shape: a process that meets every length of a text grows by a gigabyte, and builds new
plans most of the time (docs/performance.md). So spans have few lengths and not too many rows.

Shapes in comments: B texts, T steps, X inputs of a layer, H units.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from conveyor.model.network.cell import Cell

# Steps of a span, the longest first.
LENGTHS = (256, 128, 64, 32, 16, 8)

# Rows (steps times texts) of a span: more are not read faster, and each plan would be larger.
MOST_ROWS = 2048

# What another span costs, in rows that could be read in its time: 0.15 ms for the call of the
# kernel, and in a server a good millisecond for what goes on around it, at 5 to 10 µs a row (256
# units, two cores and one).
CALL_ROWS = 160


def run(cell: Cell, x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Return the states (T, B, H) of one layer and direction over x (T, B, X), of any T and B.

    ``start`` holds the states (B, H) before the first step. Where gradients are needed, or on a
    GPU, all is one span.
    """
    if torch.is_grad_enabled() or x.device.type != "cpu":
        return cell.run_on(x, start, weights)[0]
    most = MOST_ROWS // LENGTHS[-1]
    parts = zip(
        torch.split(x, most, 1), *(torch.split(tensor, most) for tensor in start), strict=True
    )
    return _joined([_run(cell, part, before, weights) for part, *before in parts], 1)


def _run(cell: Cell, x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    read, states = 0, []
    for length in spans(*x.shape[:2]):
        span = x[read : read + length]
        span = functional.pad(span, (0, 0, 0, 0, 0, length - len(span)))
        hidden, start = cell.run_on(span, start, weights)
        states.append(hidden)
        read += length
    return _joined(states, 0)[: len(x)]


def spans(steps: int, texts: int) -> Iterator[int]:
    """Yield the lengths of the spans in which so many steps of so many texts are read.

    The last one may be longer than what is left, if that costs less than another span would.
    """
    while steps > 0:
        fitting = [n for n in LENGTHS if n * texts <= MOST_ROWS] or [LENGTHS[-1]]
        enough = [n for n in fitting if 0 <= (n - steps) * texts <= CALL_ROWS]
        length = min(enough, default=next((n for n in fitting if n <= steps), fitting[-1]))
        yield length
        steps -= length


def _joined(tensors: list[Tensor], dim: int) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, dim)
