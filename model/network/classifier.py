"""The network: embedding, recurrent layers, pooling, head; its predictions, and their trace.

Shapes in comments: B texts, T steps, X inputs of a layer, H units of one direction, D directions,
U and S selected units and steps. Inside, steps come first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from conveyor.model.network import embedding, pooling, spans
from conveyor.model.network.cell import Cell, cell_of, parameters
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.dropout import locked_dropout
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import States
from conveyor.model.network.trace import LayerInput, LayerTrace, Tracer


@dataclass(frozen=True)
class NetworkTrace:
    """The inner states of a network that has read a batch, and its logits."""

    logits: Tensor  # (B, labels)
    layers: list[LayerTrace]
    step_scores: Tensor | None  # (S, B, labels): probabilities after each selected step
    contributions: dict[str, Tensor]  # by direction (B, labels, U), and the "bias" (B, labels)
    end: States | None


class LSTMClassifier(nn.Module):
    """Embedding, LSTM or simple RNN, pooling over the steps, linear head.

    Every direction of every layer runs as one fused kernel from left to right; the backward ones
    read each text reversed within its own length. So padding, which stands to the right of every
    text, comes after all that counts, and never changes an answer. (Packed sequences would do the
    same, at 28 times the price of a training step on two cores.)

    A text without tokens never leaves the initial state of zeros, and is pooled to zeros.
    """

    def __init__(
        self, config: ModelConfig, *, dropout: float = 0.0, embedding_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.config = config
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.embedding = embedding.build(
            config.vocab_size, config.embedding_dim, config.pad_token_id
        )
        layers = self.cell.build(
            config.embedding_dim,
            config.hidden_size,
            config.num_layers,
            bidirectional=config.bidirectional,
        )
        self.add_module(config.cell, layers)  # so its tensors say what they are: lstm.*, rnn.*
        pooled = config.hidden_size * len(config.directions)
        self.head = nn.Linear(pooled * (3 if config.pooling == "concat" else 1), len(config.labels))

    @property
    def cell(self) -> Cell:
        """The cell that the recurrent layers are made of."""
        return cell_of(self.config)

    @property
    def recurrent(self) -> nn.RNNBase:
        """The recurrent layers, which PyTorch keeps in one module."""
        return cast("nn.RNNBase", self.get_submodule(self.config.cell))

    def forward(self, ids: Tensor, lengths: Tensor, shift: Tensor | None = None) -> Tensor:
        """Return logits (B, labels) of token ids (B, T), of which the first ``lengths`` (B,) count.

        ``shift`` (T, B, X) is added to the embedded texts.
        """
        output = self._read(ids, lengths, shift=shift)
        return self.logits(pooling.at_end(output, lengths, self.config.hidden_size))

    @torch.inference_mode()
    def trace(
        self,
        ids: Tensor,
        lengths: Tensor,
        selection: Selection | None = None,
        start: States | None = None,
    ) -> NetworkTrace:
        """Return logits as `forward` does, and the selected part of all that led to them.

        With ``start``, the texts are pieces that go on where others ended. Only a network that
        reads forward can do this, return an end, or score its steps.
        """
        selection = selection or Selection()
        config = self.config
        begin = start or States.initial(config, len(ids), ids.device)
        tracer = Tracer(selection, self.cell.TENSORS, lengths, begin)
        output = self._read(ids, lengths, begin, tracer.record)
        earlier = start.pooling if start else None
        state = pooling.at_end(output, lengths, config.hidden_size, earlier)
        scores = None
        if selection.step_scores:
            each_step = pooling.after_each_step(output, begin.pooling)
            selected = pooling.PoolingState(*(tracer.select(tensor) for tensor in each_step))
            scores = self.logits(selected).softmax(dim=-1)
        shares = self._contributions(state, selection) if selection.contributions else {}
        end = tracer.end(state) if selection.end else None
        return NetworkTrace(self.logits(state), tracer.layers, scores, shares, end)

    def _read(
        self,
        ids: Tensor,
        lengths: Tensor,
        start: States | None = None,
        record: Callable[[LayerInput], None] | None = None,
        shift: Tensor | None = None,
    ) -> Tensor:
        """Return the top layer's states (T, B, D*H); ``record`` is called for each layer read."""
        rows, indices = self.embedding.weight, ids.T
        x = locked_dropout(self.embedding(indices), self.embedding_dropout, self.training)
        x = x if shift is None else x + shift
        names, zeros = self.cell.STATES, x.new_zeros(len(ids), self.config.hidden_size)
        for layer in range(self.config.num_layers):
            if layer > 0:
                x = functional.dropout(x, self.dropout, self.training)
                rows = x.flatten(0, 1)
                indices = torch.arange(len(rows), device=x.device).view(x.shape[:2])
            before = start.before(layer, names, x.dtype) if start else [zeros] * len(names)
            outputs = []
            for direction in self.config.directions:
                steps = _reverse(x, lengths) if direction == "backward" else x
                weights = parameters(self.recurrent, layer, direction)
                hidden = spans.run(self.cell, steps, before, weights)
                if record:
                    read = _reverse(indices, lengths) if direction == "backward" else indices
                    record(LayerInput(layer, direction, weights, rows, read, hidden))
                outputs.append(_reverse(hidden, lengths) if direction == "backward" else hidden)
            x = torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0]
        return x

    def _contributions(
        self, state: pooling.PoolingState, selection: Selection
    ) -> dict[str, Tensor]:
        """Return the selected units' contributions (B, labels, U) by direction, and the bias."""
        config = self.config
        pooled = state.pooled(config.pooling)
        shares = pooling.contributions(
            pooled, self.head.weight, config.directions, config.hidden_size
        )
        units = slice(None) if selection.units is None else selection.units
        directions = selection.directions_of(config.directions)
        bias = self.head.bias.expand(len(pooled), -1)
        return {"bias": bias} | {name: shares[name][..., units] for name in directions}

    def logits(self, state: pooling.PoolingState) -> Tensor:
        """Return the logits (B, labels) that follow from the pooled steps of the top layer."""
        pooled = state.pooled(self.config.pooling)
        logits: Tensor = self.head(functional.dropout(pooled, self.dropout, self.training))
        return logits


def _reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each text of (T, B, ...) within its own length; padding stays where it is."""
    steps = torch.arange(len(x), device=x.device).unsqueeze(1)
    mirrored = lengths - 1 - steps  # (T, B)
    index = torch.where(mirrored >= 0, mirrored, steps)
    return x[index, torch.arange(x.shape[1], device=x.device)]
