"""The LSTM cell: its equations, and the fast way to all that they compute.

One step of the cell (Hochreiter & Schmidhuber, 1997; forget gate: Gers et al., 2000), with x the
input, h the state, c the conveyor belt, σ the sigmoid and * elementwise::

    f_t  = σ(W_f [h_{t-1}, x_t] + b_f)        forget gate: 0 stops, 1 lets through
    i_t  = σ(W_i [h_{t-1}, x_t] + b_i)        input gate
    c̃_t  = tanh(W_c [h_{t-1}, x_t] + b_c)     new value, also called the candidate
    c_t  = f_t * c_{t-1} + i_t * c̃_t          the belt moves on
    o_t  = σ(W_o [h_{t-1}, x_t] + b_o)        output gate
    h_t  = o_t * tanh(c_t)                    one copy for the next step, one for the output

`lstm_step` is these equations, literally; it is the reference that the fast path is held to. The
fast path has two halves. `run_on` is the fused kernel, which gives every h and nothing else.
`recompute` gives the rest: once every h is known, the gates of all steps are one matrix product,
and only the cell state c is left to be computed step by step, elementwise.

Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction, U of them
selected. Steps come first, so that what is computed together lies together.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

# Steps times texts whose gates are computed at once: enough for a fast matrix product, and few
# enough to stay in a core's cache from there to the scan (the best of 64 to 1024, 256 units).
BLOCK_ROWS = 384


# From x (T, B, X) and the states (B, H) before to the states (T, B, H) and the last ones (B, H).
Kernel = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, tuple[Tensor, ...]]]


class CellWeights(NamedTuple):
    """The four matrices (H, H+X) over [h, x] and the four biases (H,) of one cell."""

    w_f: Tensor
    w_i: Tensor
    w_c: Tensor
    w_o: Tensor
    b_f: Tensor
    b_i: Tensor
    b_c: Tensor
    b_o: Tensor


class CellTensors(NamedTuple):
    """The tensors that the cell computes in one step, each (B, H)."""

    hidden: Tensor
    cell: Tensor
    forget_gate: Tensor
    input_gate: Tensor
    candidate: Tensor
    output_gate: Tensor


NAME = "an LSTM"
TENSORS: tuple[str, ...] = CellTensors._fields
STATES: tuple[str, ...] = ("hidden", "cell")
MATRICES = 4
CELL_GATES = ("forget_gate", "input_gate", "candidate")  # which the cell state follows from

# The gates in PyTorch's order, and what their z is multiplied by so that one sigmoid serves them
# all: tanh z = 2 σ(2z) - 1, and of the forget gate 1 - f = σ(-z) is needed.
SCALES = {"input_gate": 1, "forget_gate": -1, "candidate": 2, "output_gate": 1}


def lstm_step(x: Tensor, h: Tensor, c: Tensor, w: CellWeights) -> CellTensors:
    """Compute one step of the cell: x (B, X), h and c (B, H) of the step before."""
    hx = torch.cat([h, x], dim=-1)  # (B, H+X)
    f = torch.sigmoid(hx @ w.w_f.T + w.b_f)
    i = torch.sigmoid(hx @ w.w_i.T + w.b_i)
    g = torch.tanh(hx @ w.w_c.T + w.b_c)
    c = f * c + i * g
    o = torch.sigmoid(hx @ w.w_o.T + w.b_o)
    h = o * torch.tanh(c)
    return CellTensors(h, c, f, i, g, o)


def build(inputs: int, units: int, layers: int, *, bidirectional: bool = False) -> nn.LSTM:
    """Make the module that owns the weights.

    Its forget gates begin by letting through: a bias of 1 (Jozefowicz et al., 2015).
    """
    lstm = nn.LSTM(inputs, units, num_layers=layers, bidirectional=bidirectional)
    with torch.no_grad():
        for name, parameter in lstm.named_parameters():
            if name.startswith("bias_ih"):
                parameter[units : 2 * units] = 1.0
            elif name.startswith("bias_hh"):
                parameter[units : 2 * units] = 0.0
    return lstm


def cell_weights(weights: Sequence[Tensor]) -> CellWeights:
    """Return the matrices of the equations, from PyTorch's parameters of one layer and direction.

    PyTorch stacks the gates as i, f, g, o, keeps the columns for x and for h apart, and has two
    biases that only ever occur as their sum (documentation of ``torch.nn.LSTM``, 2.13).
    """
    w_ih, w_hh, b_ih, b_hh = weights
    w_i, w_f, w_c, w_o = torch.cat([w_hh, w_ih], dim=1).chunk(4)
    b_i, b_f, b_c, b_o = (b_ih + b_hh).chunk(4)
    return CellWeights(w_f, w_i, w_c, w_o, b_f, b_i, b_c, b_o)


def run_on(
    x: Tensor, start: Sequence[Tensor], weights: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the states (T, B, H) of a layer and direction over x (T, B, X), and the last h and c.

    ``start`` is h and c (B, H) before the first step. This is the kernel under ``nn.LSTM``, which
    itself cannot be asked for a single direction.
    """
    # The flags: with biases, one layer, no dropout, training (keeps what backward needs), one
    # direction, steps first.
    grad = torch.is_grad_enabled()
    before = [tensor.unsqueeze(0) for tensor in start]
    hidden, h, c = torch.lstm(x, before, list(weights), True, 1, 0.0, grad, False, False)
    return hidden, (h[0], c[0])


def kernel(weights: Sequence[Tensor]) -> Kernel:
    """Make `run_on` over weights that will not change, laid out once as oneDNN wants them.

    It would lay them out anew at each call, which takes as long as ten steps of a text (0.4 to
    1.4 ms at 512 units); to do it once takes 2 to 6 ms. The operator that does so is not a public
    one: where it is missing (torch is pinned), or the processor's path is another, `run_on` is
    returned as it is.
    """
    w_ih, w_hh, b_ih, b_hh = weights
    inputs, units = w_ih.shape[1], w_hh.shape[1]
    if not _is_for_onednn(weights):
        return partial(run_on, weights=weights)
    # Neither reversed nor without biases, steps first; the last is a shape that may be read.
    lay_out = torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight  # noqa: SLF001
    w_ih, w_hh = lay_out(w_ih, w_hh, units, False, True, False, [8, 1, inputs])

    def run(x: Tensor, start: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        h, c = (tensor.unsqueeze(0).contiguous() for tensor in start)
        # The flags: not reversed, no packed batch, an LSTM (2), its units, one layer, with biases,
        # one direction, steps first, not training.
        flags: Any = (False, [], 2, units, 1, True, False, False, False)
        x = x.contiguous()
        hidden, h, c, _ = torch.mkldnn_rnn_layer(x, w_ih, w_hh, b_ih, b_hh, h, c, *flags)
        return hidden, (h[0], c[0])

    return run


def _is_for_onednn(weights: Sequence[Tensor]) -> bool:
    """Tell if `torch.lstm` would have oneDNN read with these weights, where nothing is learned."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return (
        available
        and bool(torch.backends.mkldnn.enabled)
        and hasattr(torch.ops.mkldnn, "_reorder_mkldnn_rnn_layer_weight")
        and all(w.device.type == "cpu" and w.dtype == torch.float32 for w in weights)
    )


def recompute(
    rows: Tensor,
    indices: Tensor,
    before: Tensor,
    c: Tensor,
    weights: Sequence[Tensor],
    names: Collection[str],
    units: Sequence[int] | None = None,
    lengths: Tensor | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the tensors (T, B, U) of these names, "hidden" aside, and c (B, U) after all steps.

    The input x of all steps is ``rows[indices]``, of shapes (N, X) and (T, B): texts repeat their
    words, and each distinct row is multiplied once. ``before`` (T, B, H) holds h_{t-1}, ``c``
    (B, H) the cell state before the first step, in double; ``weights`` are PyTorch's. Without
    "cell" among the names, the steps need not be neighbours. Past the end of a shorter text, if
    ``lengths`` (B,) are given, c stays as it is.

    c is computed in double precision, and with 1 - f computed for itself, as σ(-z): where a gate
    lets nearly all through, float32 has no digits left in f for what it stops, and the cell state
    forgets that error as slowly as all else.
    """
    scans = "cell" in names
    gates = [gate for gate in SCALES if gate in names or (scans and gate in CELL_GATES)]
    c = c if units is None else c[:, units]
    if not gates:
        return {}, c
    steps, texts, _ = before.shape
    distinct, indices = torch.unique(indices, return_inverse=True)
    parts = {gate: _scaled(gate, weights, units) for gate in gates}
    x = rows[distinct]
    from_x = {gate: torch.addmm(bias, x, w_x.T) for gate, (w_x, _, bias) in parts.items()}
    kept = [*gates, "cell"] if scans else gates
    tensors = {name: before.new_empty(steps, texts, c.shape[-1]) for name in kept}
    size = max(1, min(steps, BLOCK_ROWS // texts))
    buffer = c.new_empty(2, size, *c.shape) if scans else c
    for block in (range(steps)[start : start + size] for start in range(0, steps, size)):
        here = slice(block.start, block.stop)
        part = {name: tensor[here] for name, tensor in tensors.items()}
        at, h = indices[here].flatten(), before[here].flatten(0, 1)
        for gate, (_, w_h, _) in parts.items():
            z = part[gate].view(len(h), -1)
            torch.index_select(from_x[gate], 0, at, out=z)
            z.addmm_(h, w_h.T).sigmoid_()
        if "candidate" in part:
            torch.add(z.new_tensor(-1), part["candidate"], alpha=2, out=part["candidate"])
        if scans:
            past = None if lengths is None else _past(lengths, block)
            c = _scan(c, part, past, buffer[:, : len(block)])
        if "forget_gate" in part:
            torch.sub(z.new_tensor(1), part["forget_gate"], out=part["forget_gate"])
    return {name: tensor for name, tensor in tensors.items() if name in names}, c


def _scaled(
    gate: str, weights: Sequence[Tensor], units: Sequence[int] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return matrices (U, X) and (U, H) and the bias (U,) of a gate, scaled for the sigmoid."""
    chunks = [weight.chunk(len(SCALES))[list(SCALES).index(gate)] for weight in weights]
    if units is not None:
        chunks = [chunk[units] for chunk in chunks]
    w_x, w_h, b_x, b_h = (chunk * SCALES[gate] for chunk in chunks)
    return w_x, w_h, b_x + b_h


def _scan(c: Tensor, part: dict[str, Tensor], past: Tensor | None, buffer: Tensor) -> Tensor:
    """Fill a block's "cell" (K, B, U), and return c (B, U) after its last step.

    Here "forget_gate" still holds 1 - f. ``buffer`` (2, K, B, U) is the memory in double precision
    that all blocks share: the operating system takes longer to provide new pages than this takes.
    """
    forget, cells = buffer
    forget.copy_(part["forget_gate"]).neg_().add_(1)
    cells.copy_(torch.mul(part["input_gate"], part["candidate"], out=part["cell"]))
    if past is not None:
        forget.masked_fill_(past, 1.0)
        cells.masked_fill_(past, 0.0)
    for f, added in zip(forget.unbind(0), cells.unbind(0), strict=True):
        c = added.addcmul_(f, c)
    part["cell"].copy_(cells)
    return c.clone()  # the next block writes over the buffer


def _past(lengths: Tensor, block: range) -> Tensor:
    """Return a mask (K, B, 1) of the steps of a block that lie past the end of their text."""
    steps = torch.arange(block.start, block.stop, device=lengths.device)
    return (steps.unsqueeze(1) >= lengths).unsqueeze(-1)
