import math

import pytest
import torch
from torch.nn import functional

from conveyor.model.network.language_model import (
    LanguageModel,
    draw,
    log_frequencies,
    perplexity,
    sampled_softmax,
)

WORDS, WIDTH, UNITS = 40, 6, 5


def network(layers: int = 1, units: int = UNITS) -> LanguageModel:
    torch.manual_seed(1)
    made = LanguageModel(WORDS, WIDTH, units, layers)
    with torch.no_grad():
        made.bias.uniform_(-1, 1)
    return made


def window(steps: int, rows: int) -> torch.Tensor:
    return torch.randint(0, WORDS, (steps + 1, rows), generator=torch.Generator().manual_seed(2))


def test_with_every_other_token_once_it_is_the_whole_softmax() -> None:
    torch.manual_seed(0)
    states, rows, biases = torch.randn(7, WIDTH), torch.randn(WORDS, WIDTH), torch.randn(WORDS)
    targets = torch.randint(0, WORDS, (7,))
    everything = torch.arange(WORDS)
    mine = sampled_softmax(states, rows, biases, targets, everything, torch.zeros(WORDS))
    whole = functional.cross_entropy(states @ rows.T + biases, targets, reduction="none")
    torch.testing.assert_close(mine, whole)


def test_many_drawn_tokens_come_near_the_whole_softmax_and_its_gradient() -> None:
    torch.manual_seed(0)
    states = torch.randn(7, WIDTH, requires_grad=True)
    rows, biases = torch.randn(WORDS, WIDTH), torch.randn(WORDS)
    targets = torch.randint(0, WORDS, (7,))
    drawn, expected = draw(log_frequencies(torch.arange(WORDS) ** 2, 0.75), 200_000)
    mine = sampled_softmax(states, rows, biases, targets, drawn, expected).sum()
    (my_gradient,) = torch.autograd.grad(mine, states)
    whole = functional.cross_entropy(states @ rows.T + biases, targets, reduction="sum")
    (gradient,) = torch.autograd.grad(whole, states)
    torch.testing.assert_close(mine, whole, rtol=0.02, atol=0)
    torch.testing.assert_close(my_gradient, gradient, rtol=0, atol=0.1)


def test_a_target_that_is_drawn_counts_once() -> None:
    states, rows, biases = torch.randn(3, WIDTH), torch.randn(WORDS, WIDTH), torch.randn(WORDS)
    targets = torch.tensor([4, 4, 4])
    only_itself = torch.tensor([4, 4])
    loss = sampled_softmax(states, rows, biases, targets, only_itself, torch.zeros(2))
    assert loss.tolist() == [0, 0, 0]


def test_tokens_are_drawn_as_often_as_expected() -> None:
    torch.manual_seed(0)
    counts = torch.tensor([0, 1, 16, 81])
    drawn, log_expected = draw(log_frequencies(counts, 0.75), 37_000)
    expected = {0: 1000, 1: 1000, 2: 8000, 3: 27_000}
    for token, count in expected.items():
        assert (drawn == token).sum().item() == pytest.approx(count, rel=0.1)
        assert log_expected[drawn == token][0].item() == pytest.approx(math.log(count))


@pytest.mark.parametrize("units", [UNITS, WIDTH])
def test_what_ends_is_gone_on_from(units: int) -> None:
    """Two windows, one after the other, are the same as both at once."""
    made = network(layers=2, units=units).eval()
    ids = window(9, 3)
    whole, end = made.full_loss(ids, made.start(3))
    first, middle = made.full_loss(ids[:5], made.start(3))
    second, last = made.full_loss(ids[4:], middle)
    assert first + second == pytest.approx(whole)
    for (h, c), (mine_h, mine_c) in zip(end, last, strict=True):
        torch.testing.assert_close(h, mine_h)
        torch.testing.assert_close(c, mine_c)


def test_both_losses_are_of_the_same_targets() -> None:
    made = network().eval()
    ids = window(6, 2)
    everything = torch.arange(WORDS)
    loss, ends = made.sampled_loss(ids, made.start(2), everything, torch.zeros(WORDS))
    total, full_ends = made.full_loss(ids, made.start(2))
    assert loss.item() * 12 == pytest.approx(total, rel=1e-5)
    torch.testing.assert_close(ends, full_ends)
    assert not ends[0][0].requires_grad


def test_the_padding_s_embedding_stays_zero() -> None:
    made = network()
    ids = torch.zeros(4, 2, dtype=torch.int64)
    loss, _ = made.sampled_loss(ids, made.start(2), torch.arange(WORDS), torch.zeros(WORDS))
    loss.backward()  # type: ignore[no-untyped-call]
    assert made.embedding.weight.grad is not None
    assert (made.embedding.weight.grad[0] == 0).all()
    assert (made.embedding.weight[0] == 0).all()
    assert made.bias.grad is not None
    assert made.bias.grad[0] != 0


@pytest.mark.parametrize("kind", ["embedding_dropout", "output_dropout", "weight_dropout"])
def test_dropout_is_for_training(kind: str) -> None:
    made, plain = network(), network()
    setattr(made, kind, 0.5)
    x = torch.randn(3, 2, WIDTH)
    dropped, _ = made.read(x, made.start(2))
    kept, _ = plain.read(x, plain.start(2))
    assert not torch.allclose(dropped, kept)
    torch.testing.assert_close(made.eval().read(x, made.start(2))[0], kept)


def test_perplexity_is_the_number_of_even_choices() -> None:
    assert perplexity([math.log(8) * 3, math.log(8) * 2], 5) == pytest.approx(8)
    assert perplexity([1e9], 1) < math.inf
