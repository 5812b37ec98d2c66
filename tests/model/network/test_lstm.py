import pytest
import torch

from conveyor.model.network.lstm import CellWeights, lstm_step


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
    c = torch.tensor([1.0, 1.0, 2.0, -1.0])
    step = lstm_step(torch.zeros(4), torch.zeros(4), c, weights)
    expected = torch.tensor([0.73, 0.95, 0.5 * 2, -0.12])
    torch.testing.assert_close(step.cell, expected, atol=0.005, rtol=0)
    torch.testing.assert_close(step.hidden, 0.5 * torch.tanh(step.cell))
