import torch

from model.training.averaging import Average
from tests.conftest import random_classifier


def test_an_average_keeps_its_share_and_takes_the_rest() -> None:
    network = random_classifier().network
    average = Average(network, 0.5)
    expected = network.head.bias.clone()
    for step in range(1, 30):
        with torch.no_grad():
            network.head.bias.add_(step)
        average.add(network, step)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * network.head.bias
    torch.testing.assert_close(average.network.head.bias, expected)
    assert not torch.equal(average.network.head.bias, network.head.bias)
