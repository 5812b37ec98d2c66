import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from model.collate import collate
from model.config import ModelConfig, Pooling
from model.lstm import (
    CellTensors,
    CellWeights,
    LayerTrace,
    LSTMClassifier,
    _locked_dropout,
    cell_weights,
    lstm_step,
    parameter_count,
)
from tests.conftest import random_network

VOCABULARY = 20


def make_config(
    *,
    hidden_size: int = 6,
    num_layers: int = 1,
    bidirectional: bool = False,
    pooling: Pooling = "concat",
    embedding_dim: int = 5,
) -> ModelConfig:
    return ModelConfig(
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


configs = st.builds(
    make_config,
    hidden_size=st.integers(1, 9),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    pooling=st.sampled_from(["last", "max", "mean", "concat"]),
    embedding_dim=st.integers(1, 7),
)
texts = st.lists(st.integers(2, VOCABULARY - 1), max_size=40)


def walk(steps: Tensor, weights: CellWeights) -> dict[str, Tensor]:
    """The reference: one text (T, X) through the equations, a step at a time -> name: (T, H)."""
    h = c = torch.zeros(weights.b_f.shape)
    done = []
    for x in steps:
        step = lstm_step(x, h, c, weights)
        h, c = step.hidden, step.cell
        done.append(step)
    return {
        name: torch.stack([getattr(step, name) for step in done]) for name in CellTensors._fields
    }


def reference_trace(
    network: LSTMClassifier, ids: list[int]
) -> dict[tuple[int, str], dict[str, Tensor]]:
    """All layers and directions of one text, by the equations alone."""
    x = network.embedding(torch.tensor(ids))
    traces: dict[tuple[int, str], dict[str, Tensor]] = {}
    for layer in range(network.config.num_layers):
        outputs = []
        for direction in network.config.directions:
            weights = cell_weights(network.lstm, layer, direction)
            if direction == "backward":
                walked = {name: t.flip(0) for name, t in walk(x.flip(0), weights).items()}
            else:
                walked = walk(x, weights)
            traces[layer, direction] = walked
            outputs.append(walked["hidden"])
        x = torch.cat(outputs, dim=-1)
    return traces


def test_the_sigmoid_of_the_course() -> None:
    gate = torch.sigmoid(torch.tensor([1.0, 3.0, 0.0, -2.0]))
    assert gate.numpy().round(2).tolist() == pytest.approx([0.73, 0.95, 0.5, 0.12])


def test_the_forget_gate_of_the_course_lets_through_what_its_sigmoid_says() -> None:
    """With weights of zero and these biases, f is the course's [0.73, 0.95, 0.5, 0.12]."""
    zeros, size = torch.zeros(4, 8), torch.zeros(4)
    closed = torch.full((4,), -100.0)
    weights = CellWeights(
        zeros, zeros, zeros, zeros, torch.tensor([1.0, 3.0, 0.0, -2.0]), closed, size, size
    )
    belt = torch.tensor([1.0, 1.0, 2.0, -1.0])
    step = lstm_step(torch.zeros(4), torch.zeros(4), belt, weights)
    expected = torch.tensor([0.73, 0.95, 0.5 * 2, -0.12])
    torch.testing.assert_close(step.cell, expected, atol=0.005, rtol=0)
    torch.testing.assert_close(step.hidden, 0.5 * torch.tanh(step.cell))


def test_the_parameters_of_the_course() -> None:
    count = parameter_count(make_config(hidden_size=32, embedding_dim=32))
    assert count.recurrent_by_formula == 8192
    assert count.formula == "4*32*(32+32)"


@given(config=configs)
def test_the_parameter_count_is_that_of_the_module(config: ModelConfig) -> None:
    network = LSTMClassifier(config)
    count = parameter_count(config)
    assert count.total == sum(p.numel() for p in network.parameters())
    assert count.recurrent == sum(p.numel() for p in network.lstm.parameters())
    matrices = [p for name, p in network.lstm.named_parameters() if name.startswith("weight")]
    assert count.recurrent_by_formula == sum(p.numel() for p in matrices)
    terms = [eval(term) for term in count.formula.split(" + ")]
    assert sum(terms) == count.recurrent_by_formula


@given(config=configs, batch=st.lists(texts, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_the_trace_satisfies_the_equations(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    network = random_network(config, seed)
    ids, lengths = collate(batch, pad_token_id=0)
    _, traces = network.trace(ids, lengths)
    assert len(traces) == config.num_layers * len(config.directions)
    for row, text in enumerate(batch):
        if not text:
            continue
        reference = reference_trace(network, text)
        for trace in traces:
            for name in CellTensors._fields:
                torch.testing.assert_close(
                    getattr(trace.tensors, name)[row, : len(text)],
                    reference[trace.layer, trace.direction][name],
                    atol=1e-6,
                    rtol=0,
                )


@given(config=configs, batch=st.lists(texts.filter(len), min_size=1, max_size=4))
def test_the_top_layer_is_that_of_nn_lstm_over_packed_sequences(
    config: ModelConfig, batch: list[list[int]]
) -> None:
    network = random_network(config)
    ids, lengths = collate(batch, pad_token_id=0)
    packed = pack_padded_sequence(
        network.embedding(ids), lengths, batch_first=True, enforce_sorted=False
    )
    expected, _ = pad_packed_sequence(network.lstm(packed)[0], batch_first=True)
    _, traces = network.trace(ids, lengths)
    top: list[LayerTrace] = traces[-len(config.directions) :]
    hidden = torch.cat([trace.tensors.hidden for trace in top], dim=-1)
    for row, text in enumerate(batch):
        torch.testing.assert_close(
            hidden[row, : len(text)], expected[row, : len(text)], atol=1e-6, rtol=0
        )


@given(config=configs, batch=st.lists(texts, min_size=2, max_size=5), seed=st.integers(0, 99))
def test_what_shares_a_batch_never_changes_an_answer(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    network = random_network(config, seed)
    together = network(*collate(batch, pad_token_id=0)).softmax(-1)
    for row, text in enumerate(batch):
        alone = network(*collate([text], pad_token_id=0)).softmax(-1)
        torch.testing.assert_close(together[row], alone[0], atol=1e-6, rtol=0)


@given(config=configs, batch=st.lists(texts, min_size=1, max_size=4))
def test_the_trace_predicts_what_forward_predicts(
    config: ModelConfig, batch: list[list[int]]
) -> None:
    network = random_network(config)
    ids, lengths = collate(batch, pad_token_id=0)
    torch.testing.assert_close(network.trace(ids, lengths)[0], network(ids, lengths))


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "concat"])
def test_pooling(pooling: Pooling) -> None:
    config = make_config(bidirectional=True, pooling=pooling)
    network = random_network(config)
    text = [3, 4, 5, 6]
    states = reference_trace(network, text)
    forward, backward = (states[0, direction]["hidden"] for direction in config.directions)
    both = torch.cat([forward, backward], dim=-1)
    parts = {
        "last": torch.cat([forward[-1], backward[0]]),
        "max": both.max(dim=0).values,
        "mean": both.mean(dim=0),
    }
    chosen = parts.values() if pooling == "concat" else [parts[pooling]]
    expected = network.head(torch.cat(list(chosen)))
    torch.testing.assert_close(network(*collate([text], 0))[0], expected)


def test_a_text_without_tokens_is_judged_by_the_initial_state() -> None:
    network = random_network(make_config(bidirectional=True, num_layers=2))
    torch.testing.assert_close(network(*collate([[]], 0))[0], network.head.bias)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_fast_path_learns_as_nn_lstm_would(bidirectional: bool) -> None:
    """The gradients of the fused kernel are those of the module that owns the weights."""
    network = LSTMClassifier(make_config(bidirectional=bidirectional, num_layers=2, pooling="max"))
    network.eval()
    ids, lengths = collate([[3, 4, 5], [6, 7, 8]], 0)
    network(ids, lengths).sum().backward()
    ours = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    output, _ = network.lstm(network.embedding(ids))
    network.head(output.amax(dim=1)).sum().backward()
    assert ours.keys() == {name for name, _ in network.named_parameters()}
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, msg=name)


def test_locked_dropout_drops_the_same_units_at_every_step_of_a_text() -> None:
    torch.manual_seed(0)
    dropped = _locked_dropout(torch.ones(2, 5, 100), p=0.5, training=True)
    assert (dropped == dropped[:, :1]).all()
    assert (dropped[0] != dropped[1]).any()
    assert ((dropped == 0) | (dropped == 2)).all()
    assert (_locked_dropout(torch.ones(2, 5, 100), p=0.5, training=False) == 1).all()
