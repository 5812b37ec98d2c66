"""The cell of a simple recurrent network, which an LSTM is best compared with.

One step of the cell (Elman, 1990), with x the input and h the state::

    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)

It has neither a cell state nor gates: all that it knows of the past is computed anew at every step.
`rnn_step` is this equation, literally; it is the reference that the fast path is held to.

Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction. Steps come
first.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

NAME = "a simple RNN"
TENSORS: tuple[str, ...] = ("hidden",)
STATES: tuple[str, ...] = ("hidden",)
MATRICES = 1


def rnn_step(x: Tensor, h: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Compute the state (B, H) after one step: x (B, X), h (B, H) of the step before."""
    w_ih, w_hh, b_ih, b_hh = weights
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def build(inputs: int, units: int, layers: int, *, bidirectional: bool = False) -> nn.RNN:
    """Make the module that owns the weights, as PyTorch begins with them."""
    return nn.RNN(inputs, units, num_layers=layers, bidirectional=bidirectional)


def run_on(
    x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the states (T, B, H) of a layer and direction over x (T, B, X), and the last h (B, H).

    ``start`` is h (B, H) before the first step. This is the kernel under ``nn.RNN``, which itself
    cannot be asked for a single direction.
    """
    (h,) = start
    # The flags are those of `lstm.run_on`.
    grad = torch.is_grad_enabled()
    hidden, h = torch.rnn_tanh(x, h.unsqueeze(0), list(weights), True, 1, 0.0, grad, False, False)
    return hidden, (h[0],)


def kernel(
    weights: Sequence[Tensor],
) -> Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, tuple[Tensor, ...]]]:
    """Make `run_on` over weights that will not change."""
    return partial(run_on, weights=weights)
