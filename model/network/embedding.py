"""The embedding of a network: a vector for each token."""

import torch
from torch import nn


def build(entries: int, width: int, padding: int) -> nn.Embedding:
    """Make an embedding with the random numbers that PyTorch gives one; zeros for the padding.

    None are drawn on the device "meta", on which a network is made of shapes alone. There,
    ``nn.Embedding`` imports PyTorch's compiler: 1.7 seconds of CPU at each load of a model.
    """
    weight = torch.empty(entries, width)
    if not weight.is_meta:
        nn.init.normal_(weight)
        weight[padding] = 0
    made: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        weight, freeze=False, padding_idx=padding
    )
    return made
