"""The LSTM: the cell's equations, the trace of its gates and states, and the classifier around it.

One step of the cell (Hochreiter & Schmidhuber, 1997; forget gate: Gers et al., 2000), with x the
input, h the state, c the conveyor belt, σ the sigmoid and * elementwise::

    f_t  = σ(W_f [h_{t-1}, x_t] + b_f)        forget gate: 0 stops, 1 lets through
    i_t  = σ(W_i [h_{t-1}, x_t] + b_i)        input gate
    c̃_t  = tanh(W_c [h_{t-1}, x_t] + b_c)     new value, also called the candidate
    c_t  = f_t * c_{t-1} + i_t * c̃_t          the belt moves on
    o_t  = σ(W_o [h_{t-1}, x_t] + b_o)        output gate
    h_t  = o_t * tanh(c_t)                    one copy for the next step, one for the output

`lstm_step` is these equations, literally; it is the reference that the fast path is held to.
Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction, D directions.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.config import ModelConfig


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
    """All that the cell computes: (B, H) in one step, (B, T, H) in all steps."""

    hidden: Tensor
    cell: Tensor
    forget_gate: Tensor
    input_gate: Tensor
    candidate: Tensor
    output_gate: Tensor


def lstm_step(x: Tensor, h: Tensor, c: Tensor, w: CellWeights) -> CellTensors:
    """One step of the cell: x (B, X), h and c (B, H) of the step before."""
    hx = torch.cat([h, x], dim=-1)  # (B, H+X)
    f = torch.sigmoid(hx @ w.w_f.T + w.b_f)
    i = torch.sigmoid(hx @ w.w_i.T + w.b_i)
    g = torch.tanh(hx @ w.w_c.T + w.b_c)
    c = f * c + i * g
    o = torch.sigmoid(hx @ w.w_o.T + w.b_o)
    h = o * torch.tanh(c)
    return CellTensors(h, c, f, i, g, o)


def cell_weights(lstm: nn.LSTM, layer: int, direction: str) -> CellWeights:
    """The matrices of the equations, taken from PyTorch's layout.

    PyTorch stacks the gates as i, f, g, o, keeps the columns for x and for h apart, and has two
    biases that only ever occur as their sum (documentation of ``torch.nn.LSTM``, 2.13).
    """
    w_ih, w_hh, b_ih, b_hh = _parameters(lstm, layer, direction)
    w_i, w_f, w_c, w_o = torch.cat([w_hh, w_ih], dim=1).chunk(4)
    b_i, b_f, b_c, b_o = (b_ih + b_hh).chunk(4)
    return CellWeights(w_f, w_i, w_c, w_o, b_f, b_i, b_c, b_o)


@dataclass(frozen=True)
class LayerTrace:
    """The six tensors (B, T, H) of one layer and direction, in the order of the text.

    Steps past the end of a shorter text hold numbers without meaning: cut them off by its length.
    """

    layer: int
    direction: str
    tensors: CellTensors


class LSTMClassifier(nn.Module):
    """Embedding, LSTM, pooling over the steps, linear head.

    Every direction of every layer runs as one fused LSTM from left to right; the backward ones read
    each text reversed within its own length. So padding, which stands to the right of every text,
    comes after all that counts, and never changes an answer. (Packed sequences would do the same,
    at 28 times the price of a training step on two cores.)

    A text without tokens never leaves the initial state h = c = 0, and is pooled to zeros.
    """

    def __init__(
        self, config: ModelConfig, *, dropout: float = 0.0, embedding_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.config = config
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.embedding = nn.Embedding(
            config.vocab_size, config.embedding_dim, padding_idx=config.pad_token_id
        )
        self.lstm = nn.LSTM(
            config.embedding_dim,
            config.hidden_size,
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            batch_first=True,
        )
        pooled = config.hidden_size * len(config.directions)
        self.head = nn.Linear(pooled * (3 if config.pooling == "concat" else 1), len(config.labels))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, labels) of token ids (B, T), of which the first ``lengths`` (B,) count."""
        return self._head(self._run(ids, lengths, None), lengths)

    def trace(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, list[LayerTrace]]:
        """Logits as `forward` gives them, and the six tensors of every layer and direction."""
        traces: list[LayerTrace] = []
        output = self._run(ids, lengths, traces)
        return self._head(output, lengths), traces

    def _run(self, ids: Tensor, lengths: Tensor, traces: list[LayerTrace] | None) -> Tensor:
        """The top layer's states (B, T, D*H); the traces of all layers go to ``traces``."""
        x = _locked_dropout(self.embedding(ids), self.embedding_dropout, self.training)
        for layer in range(self.config.num_layers):
            if layer > 0:
                x = functional.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in self.config.directions:
                backward = direction == "backward"
                steps = _reverse(x, lengths) if backward else x
                parameters = _parameters(self.lstm, layer, direction)
                hidden = _fused(steps, parameters)
                if traces is not None:
                    tensors = _gates_and_cell(steps, hidden, parameters)
                    if backward:
                        tensors = CellTensors(*(_reverse(tensor, lengths) for tensor in tensors))
                    traces.append(LayerTrace(layer, direction, tensors))
                outputs.append(_reverse(hidden, lengths) if backward else hidden)
            x = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
        return x

    def _head(self, output: Tensor, lengths: Tensor) -> Tensor:
        pooled = self._pool(output, lengths)
        logits: Tensor = self.head(functional.dropout(pooled, self.dropout, self.training))
        return logits

    def _pool(self, output: Tensor, lengths: Tensor) -> Tensor:
        """States (B, T, D*H) of all steps -> (B, D*H), or (B, 3*D*H) for "concat"."""
        poolings = {"last": self._last, "max": _max, "mean": _mean}
        chosen = poolings if self.config.pooling == "concat" else [self.config.pooling]
        return torch.cat([poolings[name](output, lengths) for name in chosen], dim=-1)

    def _last(self, output: Tensor, lengths: Tensor) -> Tensor:
        """Each direction's state after its last step: the text's end, and backward its start."""
        width = self.config.hidden_size
        forward, backward = output[..., :width], output[..., width:]
        ends = (lengths - 1).clamp(min=0)
        rows = torch.arange(len(lengths), device=output.device)
        last = torch.cat([forward[rows, ends], backward[:, 0]], dim=-1)
        return last * (lengths > 0).unsqueeze(-1)


def _parameters(lstm: nn.LSTM, layer: int, direction: str) -> list[Tensor]:
    """Weights (4H, X) and (4H, H), biases (4H,) and (4H,) of one layer and direction."""
    suffix = f"l{layer}" + ("_reverse" if direction == "backward" else "")
    names = (f"weight_ih_{suffix}", f"weight_hh_{suffix}", f"bias_ih_{suffix}", f"bias_hh_{suffix}")
    return [getattr(lstm, name) for name in names]


def _fused(x: Tensor, parameters: list[Tensor]) -> Tensor:
    """The states (B, T, H) of one layer and direction over x (B, T, X), from left to right.

    This is the kernel under ``nn.LSTM``, which itself cannot be asked for a single direction.
    """
    zeros = x.new_zeros(1, x.shape[0], parameters[1].shape[1])
    # The flags: with biases, one layer, no dropout, training (keeps what backward needs), one
    # direction, batch first.
    grad = torch.is_grad_enabled()
    hidden, _, _ = torch.lstm(x, (zeros, zeros), parameters, True, 1, 0.0, grad, False, True)
    return hidden


def _gates_and_cell(x: Tensor, hidden: Tensor, parameters: list[Tensor]) -> CellTensors:
    """All six tensors (B, T, H) of a layer whose states are already known.

    Once every h is there, the gates of all steps are one matrix product, and only the belt
    c_t = f_t * c_{t-1} + i_t * c̃_t is left to be walked step by step, elementwise. This is done in
    double precision: a belt forgets its rounding errors as slowly as all else.
    """
    w_ih, w_hh, b_ih, b_hh = (parameter.double() for parameter in parameters)
    before = functional.pad(hidden.double(), (0, 0, 1, 0))[:, :-1]  # h_{t-1}, at first zeros
    gates = functional.linear(x.double(), w_ih, b_ih + b_hh) + functional.linear(before, w_hh)
    i, f, g, o = gates.chunk(4, dim=-1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cell = i * g
    for step in range(1, cell.shape[1]):
        cell[:, step].addcmul_(f[:, step], cell[:, step - 1])
    return CellTensors(hidden, *(tensor.to(hidden.dtype) for tensor in (cell, f, i, g, o)))


def _reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Each text (B, T, ...) reversed within its own length; padding stays where it is."""
    steps = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths.unsqueeze(1) - 1 - steps  # (B, T)
    index = torch.where(mirrored >= 0, mirrored, steps)
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), index]


def _inside(output: Tensor, lengths: Tensor) -> Tensor:
    """True (B, T, 1) at the steps that belong to the text."""
    steps = torch.arange(output.shape[1], device=output.device)
    return (steps < lengths.unsqueeze(1)).unsqueeze(-1)


def _max(output: Tensor, lengths: Tensor) -> Tensor:
    largest = output.masked_fill(~_inside(output, lengths), -torch.inf).amax(dim=1)
    return largest.masked_fill((lengths == 0).unsqueeze(-1), 0.0)


def _mean(output: Tensor, lengths: Tensor) -> Tensor:
    total = output.masked_fill(~_inside(output, lengths), 0.0).sum(dim=1)
    return total / lengths.clamp(min=1).unsqueeze(-1)


def _locked_dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Dropout (B, T, X) with one mask for all steps of a text (Gal & Ghahramani, 2016)."""
    return x * functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), p, training)


@dataclass(frozen=True)
class ParameterCount:
    """How many numbers a model has, by the course's formula and in all."""

    formula: str
    recurrent_by_formula: int
    recurrent: int
    embedding: int
    head: int
    total: int


def parameter_count(config: ModelConfig) -> ParameterCount:
    """Count a model's parameters: ``4*h*(h+x)`` weights a layer and direction, then all of them.

    The formula counts the four matrices over [h, x]. PyTorch keeps two biases of 4h beside them.
    """
    h, directions = config.hidden_size, len(config.directions)
    inputs = [config.embedding_dim] + [h * directions] * (config.num_layers - 1)
    terms = [f"4*{h}*({h}+{x})" for x in inputs for _ in range(directions)]
    weights = directions * sum(4 * h * (h + x) for x in inputs)
    biases = directions * config.num_layers * 2 * 4 * h
    embedding = config.vocab_size * config.embedding_dim
    pooled = h * directions * (3 if config.pooling == "concat" else 1)
    head = (pooled + 1) * len(config.labels)
    return ParameterCount(
        formula=" + ".join(terms),
        recurrent_by_formula=weights,
        recurrent=weights + biases,
        embedding=embedding,
        head=head,
        total=weights + biases + embedding + head,
    )
