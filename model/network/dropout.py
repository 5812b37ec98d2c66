"""Dropout that stays the same for all steps of a text, as a recurrent network needs it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def locked_dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Drop numbers of x (T, B, X), the same at all steps of a text (Gal & Ghahramani, 2016)."""
    if not training:
        return x
    return x * functional.dropout(torch.ones_like(x[:1]), p)


def weight_dropout(weights: Sequence[Tensor], p: float, training: bool) -> list[Tensor]:
    """Drop weights from h to h, of an LSTM's parameters as `cell.parameters` returns them.

    So the state forgets at random, but in the same way at all steps (Merity et al., 2018).
    """
    w_ih, w_hh, b_ih, b_hh = weights
    return [w_ih, functional.dropout(w_hh, p, training), b_ih, b_hh]
