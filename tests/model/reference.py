"""The reference of the fast path: networks of random weights, read by the equations alone."""

import random

import torch
from hypothesis import strategies as st
from torch import Tensor

from conveyor.model.inference.classifier import Classifier
from conveyor.model.network import rnn
from conveyor.model.network.cell import parameters
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import CellName, ModelConfig, Pooling
from conveyor.model.network.lstm import CellTensors, cell_weights, lstm_step
from conveyor.model.text.tokenizer import Encoding, Tokenizer
from tests.conftest import random_network

VOCABULARY = 20


def make_config(
    *,
    cell: CellName = "lstm",
    hidden_size: int = 6,
    num_layers: int = 1,
    bidirectional: bool = False,
    pooling: Pooling = "concat",
    embedding_dim: int = 5,
) -> ModelConfig:
    return ModelConfig(
        cell=cell,
        vocab_size=VOCABULARY,
        embedding_dim=embedding_dim,
        hidden_size=hidden_size,
        num_layers=num_layers,
        bidirectional=bidirectional,
        pooling=pooling,
        id2label={0: "no", 1: "yes", 2: "perhaps"},
        max_tokens=1000,
        pad_token_id=0,
        unk_token_id=1,
    )


def make_text(length: int, seed: int) -> list[int]:
    """Draw the ids of a text of this length."""
    return random.Random(seed).choices(range(2, VOCABULARY), k=length)


configs = st.builds(
    make_config,
    cell=st.sampled_from(["lstm", "rnn"]),
    hidden_size=st.integers(1, 9),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    pooling=st.sampled_from(["last", "max", "mean", "concat"]),
    embedding_dim=st.integers(1, 7),
)
lstm_configs = configs.filter(lambda config: config.cell == "lstm")
forward_configs = configs.filter(lambda config: not config.bidirectional)
texts = st.builds(make_text, st.integers(0, 300), st.integers(0, 99))
batches = st.lists(texts, min_size=1, max_size=4)
seeds = st.integers(0, 99)


def scan(cell: CellName, steps: Tensor, weights: list[Tensor]) -> dict[str, Tensor]:
    """Read one text (T, X) by the equations, a step at a time -> name: (T, H)."""
    states = _scan_lstm(steps, weights) if cell == "lstm" else _scan_rnn(steps, weights)
    return {name: torch.cat([step[name] for step in states]) for name in states[0]}


def _scan_lstm(steps: Tensor, weights: list[Tensor]) -> list[dict[str, Tensor]]:
    single = cell_weights(weights)
    h = c = torch.zeros(1, len(single.b_f), dtype=steps.dtype)
    done: list[CellTensors] = []
    for x in steps.unsqueeze(1):
        done.append(lstm_step(x, h, c, single))
        h, c = done[-1].hidden, done[-1].cell
    return [step._asdict() for step in done]


def _scan_rnn(steps: Tensor, weights: list[Tensor]) -> list[dict[str, Tensor]]:
    h = torch.zeros(1, len(weights[1]), dtype=steps.dtype)
    done = []
    for x in steps.unsqueeze(1):
        h = rnn.rnn_step(x, h, weights)
        done.append({"hidden": h})
    return done


def reference_trace(
    network: LSTMClassifier, ids: list[int]
) -> dict[tuple[int, str], dict[str, Tensor]]:
    """Trace all layers and directions of one text, in double precision."""
    x = network.embedding.weight[ids].double()
    traces: dict[tuple[int, str], dict[str, Tensor]] = {}
    for layer in range(network.config.num_layers):
        outputs = []
        for direction in network.config.directions:
            weights = [w.double() for w in parameters(network.recurrent, layer, direction)]
            cell = network.config.cell
            if direction == "backward":
                states = {name: t.flip(0) for name, t in scan(cell, x.flip(0), weights).items()}
            else:
                states = scan(cell, x, weights)
            traces[layer, direction] = states
            outputs.append(states["hidden"])
        x = torch.cat(outputs, dim=-1)
    return traces


def read(ids: list[int]) -> Encoding:
    """Make a text of these ids, as the tokenizer would; its words are one character each."""
    return Encoding(ids, [(index, index + 1) for index in range(len(ids))])


def classifier_of(config: ModelConfig, seed: int) -> Classifier:
    """Make a classifier of random weights; its tokenizer is not used."""
    return Classifier(config, random_network(config, seed), Tokenizer.train(["a a"], "word", 5))
