"""Adversarial training: texts whose embedding is shifted a little, in the worst direction.

Shapes in comments: B texts, T steps, X numbers of an embedding. Steps come first.
"""

import torch
from torch import Tensor


def no_shift(embedded: Tensor) -> Tensor:
    """Make a shift of nothing (T, B, X): its gradient tells which way the loss rises fastest."""
    return torch.zeros_like(embedded).requires_grad_()


def random_shift(embedded: Tensor, lengths: Tensor, share: float) -> Tensor:
    """Draw a shift (T, B, X) in a random direction, as large as `worst_shift`, 0 in the padding."""
    steps = torch.arange(len(embedded), device=embedded.device)
    counts = (steps.unsqueeze(1) < lengths).unsqueeze(-1)  # (T, B, 1)
    return worst_shift(embedded, torch.randn_like(embedded) * counts, share)


def worst_shift(embedded: Tensor, gradient: Tensor, share: float) -> Tensor:
    """Return the shift (T, B, X) of each text that raises the loss most (Miyato et al., 2017).

    Over all steps of a text, its norm is this share of the norm of the text's embedding.
    ``gradient`` is the loss's, by the embedding. Both are zero in the padding, and so is the shift.
    A text without a gradient is not shifted.
    """
    size = torch.linalg.vector_norm(embedded, dim=(0, 2), keepdim=True)  # (1, B, 1)
    steepness = torch.linalg.vector_norm(gradient, dim=(0, 2), keepdim=True)
    direction = gradient / steepness.clamp(min=torch.finfo(gradient.dtype).tiny)
    shift: Tensor = share * size * direction
    return shift
