"""The embedding of a network: a row of numbers for each token."""

import torch
from torch import nn


def build(entries: int, width: int, padding: int) -> nn.Embedding:
    """An embedding with the random numbers that PyTorch gives one; zeros for the padding.

    ``nn.Embedding`` draws them in place. On the device "meta", on which a network is made of shapes
    alone, that imports PyTorch's compiler: 1.5 seconds and 40 MB, at each load of a model.
    """
    weight = torch.randn(entries, width)
    weight[padding] = 0
    made: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        weight, freeze=False, padding_idx=padding
    )
    return made
