"""Average: the weights of a network's last steps, averaged; they waver less than any step's own."""

import copy

import torch

from model.network.classifier import LSTMClassifier


class Average:
    """A moving average of a network's weights, which keeps the share ``decay`` of itself a step.

    The first steps count for more, else the random beginning would be in it for long: after step
    n, no more than (1 + n) / (10 + n) is kept.
    """

    def __init__(self, network: LSTMClassifier, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def add(self, network: LSTMClassifier, step: int) -> None:
        """Count in the weights after a step, the first of which is 1."""
        keep = min(self.decay, (1 + step) / (10 + step))
        for mine, current in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(current, 1 - keep)
