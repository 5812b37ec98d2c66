"""Spans: texts are read in spans of few shapes, as the kernel keeps a plan for each shape.

oneDNN's primitive cache holds 1,024 plans of about a megabyte (torch 2.13), each with the working
memory of its shape: a process that meets every length of a text grows by a gigabyte, and builds new
plans most of the time (docs/performance.md). So spans have few lengths and not too many rows.

Shapes in comments: B texts, T steps, X inputs of a layer, H units.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from conveyor.model.network.cell import Cell
from conveyor.model.network.lstm import Kernel

# Steps of a span, the longest first.
LENGTHS = (256, 128, 64, 32, 16, 8)

# Rows (steps times texts) of a span: more are not read faster, and each plan would be larger.
MOST_ROWS = 2048

# What another span costs, in multiplications that could be done in its time: 160 rows of a layer of
# 256 units and 128 inputs. 0.15 ms for the call of the kernel, and in a server a good millisecond
# for what goes on around it, at 5 to 10 µs a row (two cores and one).
CALL_MULTIPLICATIONS = 160 * 4 * 256 * (256 + 128)
# What a step costs beside its rows, in rows: the weights come from memory (512 units, one core).
STEP_ROWS = 2


@dataclass(frozen=True)
class Costs:
    """What reading costs, in rows of a network: a span beside its rows."""

    call: int

    @classmethod
    def of(cls, weights: Iterable[Sequence[Tensor]]) -> "Costs":
        """Derive them from the weights of a network's layers."""
        sizes = [w_ih.numel() + w_hh.numel() for w_ih, w_hh, _, _ in weights]
        return cls(max(1, round(CALL_MULTIPLICATIONS * len(sizes) / sum(sizes))))

    def padding(self, length: int, left: Sequence[int]) -> int:
        """Count what is read for nothing in a span of texts of which so many (ascending) are left.

        Rows past the end of their text, and steps past the end of the longest. What the shortest
        span would read past an end is not counted, as one of them is read in any case.
        """
        needed = [-(-own // LENGTHS[-1]) * LENGTHS[-1] for own in left]
        ended = bisect_right(needed, length)
        return ended * length - sum(needed[:ended]) + STEP_ROWS * max(0, length - needed[-1])


def run(cell: Cell, x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Return the states (T, B, H) of one layer and direction over x (T, B, X), of any T and B.

    ``start`` holds the states (B, H) before the first step. Where gradients are needed, or on a
    GPU, all is one span.
    """
    if torch.is_grad_enabled() or x.device.type != "cpu":
        return cell.run_on(x, start, weights)[0]
    kernel, costs = partial(cell.run_on, weights=weights), Costs.of([weights])
    most = MOST_ROWS // LENGTHS[-1]
    parts = zip(
        torch.split(x, most, 1), *(torch.split(tensor, most) for tensor in start), strict=True
    )
    return _joined([_run(kernel, costs, part, before) for part, *before in parts], 1)


def _run(kernel: Kernel, costs: Costs, x: Tensor, start: Sequence[Tensor]) -> Tensor:
    read, states = 0, []
    for length in spans(len(x), x.shape[1], costs):
        span = x[read : read + length]
        span = functional.pad(span, (0, 0, 0, 0, 0, length - len(span)))
        hidden, start = kernel(span, start)
        states.append(hidden)
        read += length
    return _joined(states, 0)[: len(x)]


def spans(steps: int, texts: int, costs: Costs) -> Iterator[int]:
    """Yield the lengths of the spans in which so many steps of so many texts are read."""
    while steps > 0:
        length = span_length([steps] * texts, costs)
        yield length
        steps -= length


def span_length(left: Sequence[int], costs: Costs) -> int:
    """Choose how many steps to read next, of texts of which so many (ascending) are left.

    The longest span in which padding costs less than another span would; none is longer than all
    texts need.
    """
    enough = min((length for length in LENGTHS if length >= left[-1]), default=LENGTHS[0])
    for length in LENGTHS[:-1]:
        fits = length <= enough and length * len(left) <= MOST_ROWS
        if fits and costs.padding(length, left) <= costs.call:
            return length
    return LENGTHS[-1]


def _joined(tensors: list[Tensor], dim: int) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, dim)
