import torch

from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.training.averaging import averaged_model, set_steps
from tests.conftest import random_classifier


def test_an_average_keeps_its_share_and_takes_the_rest() -> None:
    network = random_classifier().network
    average = averaged_model(network, 0.5)
    expected = network.head.bias.clone()
    for step in range(1, 30):
        with torch.no_grad():
            network.head.bias.add_(step)
        average.update_parameters(network)
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * network.head.bias
    assert isinstance(average.module, LSTMClassifier)
    torch.testing.assert_close(average.module.head.bias, expected)
    assert not torch.equal(average.module.head.bias, network.head.bias)


def test_an_average_that_is_continued_keeps_what_its_step_says() -> None:
    network = random_classifier().network
    average = averaged_model(network, 0.999)
    before = network.head.bias.clone()
    with torch.no_grad():
        network.head.bias.add_(1)
    set_steps(average, 40)
    average.update_parameters(network)
    keep = (1 + 41) / (10 + 41)
    assert isinstance(average.module, LSTMClassifier)
    torch.testing.assert_close(average.module.head.bias, before + 1 - keep)
