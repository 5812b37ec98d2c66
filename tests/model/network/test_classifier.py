import pytest
import torch
from hypothesis import given
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from conveyor.model.network.cell import cell_of
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import CellName, ModelConfig, Pooling
from conveyor.model.network.dropout import locked_dropout
from conveyor.model.network.lstm import TENSORS
from conveyor.model.text.batching import collate
from tests.conftest import random_network
from tests.model.reference import (
    batches,
    configs,
    lstm_configs,
    make_config,
    reference_trace,
    seeds,
)


def lengths_of(batch: list[list[int]]) -> list[int]:
    return [len(text) for text in batch]


@given(config=configs, batch=batches, seed=seeds)
def test_the_trace_satisfies_the_equations(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    network = random_network(config, seed)
    traces = network.trace(*collate(batch, pad_token_id=0)).layers
    assert len(traces) == config.num_layers * len(config.directions)
    for row, text in enumerate(batch):
        if not text:
            continue
        reference = reference_trace(network, text)
        for trace in traces:
            expected = reference[trace.layer, trace.direction]
            assert tuple(trace.tensors) == cell_of(config).TENSORS
            for name, tensor in trace.tensors.items():
                actual = tensor[: len(text), row].double()
                # Relative where a cell state is large: float32 itself steps by 1e-6 from 8 on.
                torch.testing.assert_close(actual, expected[name], atol=1e-6, rtol=1e-6)


@given(config=lstm_configs, batch=batches, seed=seeds)
def test_the_tensors_of_a_trace_fit_each_other(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    """The two equations that hold between them, at every step."""
    network = random_network(config, seed)
    for trace in network.trace(*collate(batch, pad_token_id=0)).layers:
        h, c, f, i, g, o = (trace.tensors[name] for name in TENSORS)
        for row, length in enumerate(lengths_of(batch)):
            own = [tensor[:length, row] for tensor in (h, c, f, i, g, o)]
            if trace.direction == "backward":
                own = [tensor.flip(0) for tensor in own]
            h_, c_, f_, i_, g_, o_ = own
            before = torch.cat([torch.zeros(1, config.hidden_size), c_[:-1]])[:length]
            torch.testing.assert_close(c_, f_ * before + i_ * g_, atol=1e-6, rtol=1e-6)
            torch.testing.assert_close(h_, o_ * torch.tanh(c_), atol=1e-6, rtol=0)


@given(config=configs, batch=batches.filter(all))
def test_the_top_layer_is_that_of_the_module_over_packed_sequences(
    config: ModelConfig, batch: list[list[int]]
) -> None:
    network = random_network(config)
    ids, lengths = collate(batch, pad_token_id=0)
    packed = pack_padded_sequence(network.embedding(ids.T), lengths, enforce_sorted=False)
    expected, _ = pad_packed_sequence(network.recurrent(packed)[0])
    top = network.trace(ids, lengths).layers[-len(config.directions) :]
    hidden = torch.cat([trace.tensors["hidden"] for trace in top], dim=-1)
    for row, length in enumerate(lengths_of(batch)):
        torch.testing.assert_close(hidden[:length, row], expected[:length, row], atol=1e-6, rtol=0)


@given(config=configs, batch=batches, seed=seeds)
def test_what_shares_a_batch_never_changes_an_answer(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    network = random_network(config, seed)
    together = network(*collate(batch, pad_token_id=0)).softmax(-1)
    for row, text in enumerate(batch):
        alone = network(*collate([text], pad_token_id=0)).softmax(-1)
        torch.testing.assert_close(together[row], alone[0], atol=1e-6, rtol=0)


@given(config=configs, batch=batches)
def test_the_trace_predicts_what_forward_predicts(
    config: ModelConfig, batch: list[list[int]]
) -> None:
    network = random_network(config)
    ids, lengths = collate(batch, pad_token_id=0)
    torch.testing.assert_close(network.trace(ids, lengths).logits, network(ids, lengths))


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "concat"])
def test_pooling(pooling: Pooling) -> None:
    config = make_config(bidirectional=True, pooling=pooling)
    network = random_network(config)
    text = [3, 4, 5, 6]
    states = reference_trace(network, text)
    forward, backward = (states[0, direction]["hidden"].float() for direction in config.directions)
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


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_fast_path_learns_as_the_module_would(cell: CellName, bidirectional: bool) -> None:
    """The gradients of the fused kernel are those of the module that owns the weights."""
    network = LSTMClassifier(
        make_config(cell=cell, bidirectional=bidirectional, num_layers=2, pooling="max")
    )
    network.eval()
    ids, lengths = collate([[3, 4, 5], [6, 7, 8]], 0)
    network(ids, lengths).sum().backward()
    ours = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    output, _ = network.recurrent(network.embedding(ids.T))
    network.head(output.amax(dim=0)).sum().backward()
    assert ours.keys() == {name for name, _ in network.named_parameters()}
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, msg=name)


def test_locked_dropout_drops_the_same_units_at_every_step_of_a_text() -> None:
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(5, 2, 100), p=0.5, training=True)
    assert (dropped == dropped[:1]).all()
    assert (dropped[:, 0] != dropped[:, 1]).any()
    assert ((dropped == 0) | (dropped == 2)).all()
    assert (locked_dropout(torch.ones(5, 2, 100), p=0.5, training=False) == 1).all()


@given(config=lstm_configs, batch=batches, seed=seeds)
def test_a_shift_is_added_to_the_embedded_texts(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    network, (ids, lengths) = random_network(config, seed), collate(batch, pad_token_id=0)
    shift = torch.linspace(-1, 1, config.embedding_dim).expand(ids.shape[1], len(batch), -1)
    moved = random_network(config, seed)
    moved.embedding.weight += shift[0, 0]
    torch.testing.assert_close(network(ids, lengths, shift), moved(ids, lengths))
