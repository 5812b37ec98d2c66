import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from conveyor.model.errors import TrainingError
from conveyor.model.text.batching import collate
from conveyor.model.training.objective import (
    Batch,
    divergence,
    learn_labels,
    learn_unlabelled,
    mean_entropy,
    virtual_worst_shift,
)
from tests.conftest import random_classifier

SHARE = 0.1


def batch(*, bidirectional: bool = False, dropout: float = 0.5) -> Batch:
    """Three texts, one of them without tokens, before a network that is being trained."""
    network = random_classifier(bidirectional=bidirectional).network.requires_grad_(True).train()
    network.dropout = network.embedding_dropout = dropout
    with torch.no_grad():
        network.embedding.weight[0] = 0  # the padding's, which was random
    ids, lengths = collate([[5, 6, 7, 8], [9, 4], []], 0)
    return Batch(network, ids, lengths, "float32", seed=3, step=4)


def log_probabilities(texts: Batch, shift: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        return texts.logits(shift).log_softmax(dim=-1)


def gradients(texts: Batch) -> list[Tensor]:
    found = [p.grad.clone() for p in texts.network.parameters() if p.grad is not None]
    texts.network.zero_grad()
    return found


def test_every_reading_meets_the_same_dropout() -> None:
    texts = batch()
    first = log_probabilities(texts)
    torch.rand(7)
    assert torch.equal(log_probabilities(texts), first)
    texts.network.eval()
    assert not torch.allclose(log_probabilities(texts), first)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_worst_shift_moves_the_predictions_more_than_random_ones(bidirectional: bool) -> None:
    texts = batch(bidirectional=bidirectional, dropout=0.2)
    before = log_probabilities(texts)
    shift = virtual_worst_shift(texts, before, SHARE)
    embedded = texts.embedded()
    norms = [embedded[:, text].norm() * SHARE for text in range(3)]
    torch.testing.assert_close([shift[:, text].norm() for text in range(3)], norms)
    assert (shift[2:, 1] == 0).all()
    assert (shift[:, 2] == 0).all()
    worst = divergence(texts, before, shift)
    generator = torch.Generator().manual_seed(0)
    counts = (embedded != 0).any(dim=-1, keepdim=True)
    others = []
    for _ in range(50):
        noise = torch.randn(shift.shape, generator=generator) * counts
        noise *= torch.stack(norms)[:, None] / noise.norm(dim=(0, 2)).clamp(min=1e-9)[:, None]
        others.append(divergence(texts, before, noise).item())
    assert worst.item() > 2 * sum(others) / len(others)
    assert sum(worst.item() > other for other in others) > 45


def test_without_a_shift_nothing_diverges() -> None:
    texts = batch()
    before = log_probabilities(texts)
    assert divergence(texts, before, torch.zeros_like(texts.embedded())).item() == pytest.approx(
        0, abs=1e-6
    )


def test_the_divergence_is_that_from_the_shifted_to_the_unshifted() -> None:
    texts = batch()
    shift = torch.ones_like(texts.embedded())
    p, q = log_probabilities(texts), log_probabilities(texts, shift)
    expected = (p.exp() * (p - q)).sum() / 3
    torch.testing.assert_close(divergence(texts, p, shift), expected)


@pytest.mark.parametrize("entropy", [0.0, 1e-30])
def test_predictions_of_unshifted_texts_are_a_constant(entropy: float) -> None:
    """The gradients are those of -sum p log q: also where p has gradients, for its entropy."""
    texts = batch()
    before = log_probabilities(texts)
    learn_unlabelled(texts, SHARE, entropy)
    found = gradients(texts)
    with torch.no_grad():
        texts.logits()  # the random shift is drawn after this
    shift = virtual_worst_shift(texts, before, SHARE)
    after = texts.logits(shift).log_softmax(dim=-1)
    (-(before.exp() * after).sum() / 3).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, gradients(texts))
    assert any(gradient.abs().max() > 1e-4 for gradient in found)


def test_the_entropy_of_predictions_and_its_weight() -> None:
    even = torch.full((2, 4), 0.25).log()
    assert mean_entropy(even).item() == pytest.approx(math.log(4))
    assert mean_entropy(torch.tensor([[0.0, -80.0]])).item() == pytest.approx(0)
    texts = batch()
    mean_entropy(texts.logits().log_softmax(dim=-1)).backward()  # type: ignore[no-untyped-call]
    expected = [gradient * 3 for gradient in gradients(texts)]
    learn_unlabelled(texts, 0.0, 3.0)
    torch.testing.assert_close(gradients(texts), expected)


def test_labels_with_a_shift_of_next_to_nothing_teach_what_they_teach_without() -> None:
    texts, targets = batch(), torch.tensor([0, 1, 2])
    loss, logits = learn_labels(texts, targets, 0.0)
    assert loss == pytest.approx(functional.cross_entropy(logits, targets).item())
    plain = gradients(texts)
    assert learn_labels(texts, targets, 1e-9)[0] == pytest.approx(loss)
    torch.testing.assert_close(gradients(texts), plain, atol=1e-6, rtol=1e-3)


def test_a_loss_that_is_no_number_is_refused() -> None:
    texts = batch()
    with torch.no_grad():
        texts.network.head.bias.fill_(math.nan)
    for virtual_adversarial, entropy in ((SHARE, 0.0), (0.0, 1.0)):
        with pytest.raises(TrainingError, match="no longer a number at step 4"):
            learn_unlabelled(texts, virtual_adversarial, entropy)
