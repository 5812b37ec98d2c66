"""With weights laid out once, texts are read as PyTorch's own function reads them, bit by bit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.network import lstm


@given(
    inputs=st.integers(1, 70),
    units=st.integers(1, 70),
    steps=st.integers(1, 20),
    texts=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_gives_what_lstm_gives(
    inputs: int, units: int, steps: int, texts: int, seed: int
) -> None:
    torch.manual_seed(seed)
    weights = [weight.detach() for weight in lstm.build(inputs, units, 1).parameters()]
    x = torch.randn(steps, texts, inputs)
    start = [torch.randn(texts, units).tanh() for _ in lstm.STATES]
    with torch.inference_mode():
        hidden, end = lstm.kernel(weights)(x, start)
        expected, expected_end = lstm.run_on(x, start, weights)
    assert torch.equal(hidden, expected)
    assert all(map(torch.equal, end, expected_end))


@torch.inference_mode()
def test_inputs_may_lie_in_any_order_in_memory() -> None:
    weights = [weight.detach() for weight in lstm.build(5, 7, 1).parameters()]
    x = torch.randn(3, 9, 5).transpose(0, 1)
    start = torch.randn(4, 2, 7).transpose(0, 2)[:, 0].T.expand(2, 4, 7)[:, :3]
    hidden, _ = lstm.kernel(weights)(x, list(start))
    assert torch.equal(hidden, lstm.run_on(x, list(start), weights)[0])


def laid_out(weights: list[torch.Tensor]) -> bool:
    return not hasattr(lstm.kernel(weights), "keywords")  # a partial of `run_on` has some


def test_where_the_operator_is_missing_all_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [weight.detach() for weight in lstm.build(5, 7, 1).parameters()]
    assert laid_out(weights)
    assert not laid_out([weight.double() for weight in weights])
    torch._C._set_mkldnn_enabled(False)
    try:
        assert not laid_out(weights)
    finally:
        torch._C._set_mkldnn_enabled(True)
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert not laid_out(weights)
    x, start = torch.randn(2, 3, 5), [torch.zeros(3, 7)] * 2
    with torch.inference_mode():
        assert torch.equal(lstm.kernel(weights)(x, start)[0], lstm.run_on(x, start, weights)[0])
