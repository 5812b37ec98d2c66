import torch
from torch.nn import functional

from conveyor.model.text.batching import collate
from conveyor.model.training.adversarial import no_shift, worst_shift
from tests.conftest import random_classifier


def test_each_text_is_shifted_by_a_share_of_its_norm_and_padding_is_not() -> None:
    """In a network that reads from both ends, and a text without tokens among the others."""
    network = random_classifier(bidirectional=True).network
    ids, lengths = collate([[5, 6, 7, 8], [9, 4], []], 0)
    embedded = network.embedding(ids.T)
    embedded[2:, 1] = embedded[:, 2] = 0  # its weights are random, and so are those of the padding
    shift = no_shift(embedded)
    targets = torch.tensor([0, 1, 2])
    before = functional.cross_entropy(network(ids, lengths, shift), targets)
    before.backward()  # type: ignore[no-untyped-call]
    assert shift.grad is not None
    worst = worst_shift(embedded, shift.grad, 0.02)
    assert (worst[2:, 1] == 0).all()
    assert (worst[:, 2] == 0).all()
    norms = [embedded[:, text].norm() * 0.02 for text in range(3)]
    torch.testing.assert_close([worst[:, text].norm() for text in range(3)], norms)
    assert functional.cross_entropy(network(ids, lengths, worst), targets) > before
    assert functional.cross_entropy(network(ids, lengths, -worst), targets) < before


def test_no_shift_changes_nothing() -> None:
    network = random_classifier().network
    ids, lengths = collate([[5, 6, 7]], 0)
    shift = no_shift(network.embedding(ids.T))
    torch.testing.assert_close(network(ids, lengths, shift), network(ids, lengths))
