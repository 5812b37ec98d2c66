import torch

from conveyor.model.network import rnn


def test_the_equation_by_hand() -> None:
    """One unit: tanh(2 * 0.5 + 0.1 + 3 * -0.2 - 0.3)."""
    weights = [torch.tensor(values) for values in ([[2.0]], [[3.0]], [0.1], [-0.3])]
    h = rnn.rnn_step(torch.tensor([[0.5]]), torch.tensor([[-0.2]]), weights)
    torch.testing.assert_close(h, torch.tensor([[0.2]]).tanh())


def test_half_precision_gives_nearly_the_same_states() -> None:
    """As training computes it where that is faster."""
    layers = rnn.build(3, 4, 1)
    x, h = torch.ones(5, 2, 3), torch.zeros(2, 4)
    expected, _ = rnn.run_on(x, [h], list(layers.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        states, _ = rnn.run_on(x, [h], list(layers.parameters()))
    torch.testing.assert_close(states.float(), expected, atol=0.02, rtol=0)
