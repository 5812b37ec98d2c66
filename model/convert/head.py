"""The head: another model's last linear layer, converted to one that reads an artifact's poolings.

W is the width of one pooling: the units of all directions of the top layer.
"""

from collections.abc import Sequence
from typing import Literal, cast, get_args

import torch
from torch import Tensor

from conveyor.model.errors import ConversionError
from conveyor.model.network.config import Pooling

# A pooling that stands alone, in the order in which "concat" puts them side by side.
Part = Literal["last", "max", "mean"]
PARTS: tuple[Part, ...] = get_args(Part)


def read_parts(text: str) -> tuple[Part, ...]:
    """Parse the poolings that a head reads, in its order: "max", "mean+max", or "concat" for all.

    Raises ConversionError.
    """
    parts = PARTS if text == "concat" else tuple(text.split("+"))
    if not set(parts) <= set(PARTS) or len(set(parts)) < len(parts):
        raise ConversionError(
            f"{text!r} is no pooling: give last, max or mean, several joined by + in the order in "
            "which the head reads them, such as mean+max, or concat, which is last+max+mean."
        )
    return cast("tuple[Part, ...]", parts)


def convert_head(
    weight: Tensor, bias: Tensor, parts: Sequence[Part]
) -> tuple[Tensor, Tensor, Pooling]:
    """Return an artifact's head: its weight, its bias, and the pooling that they read.

    ``weight`` (labels, parts*W) reads the parts side by side, in this order. Several are read as
    "concat": their columns take its order, and a part that the source does not have has zeros. One
    output, the logit z of the second of two labels, becomes two, 0 and z: their softmax is the
    sigmoid of z. All of this is exact.
    """
    if len(weight) == 1:
        weight = torch.cat([torch.zeros_like(weight), weight])
        bias = torch.cat([torch.zeros_like(bias), bias])
    if len(parts) == 1:
        return weight, bias, cast("Pooling", parts[0])
    columns = dict(zip(parts, weight.chunk(len(parts), dim=1), strict=True))
    missing = torch.zeros_like(next(iter(columns.values())))
    return torch.cat([columns.get(part, missing) for part in PARTS], dim=1), bias, "concat"
