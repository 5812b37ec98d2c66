"""Weight averaging: the weights of the last steps, averaged, waver less than any step's own."""

from collections.abc import Sequence

from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from conveyor.model.network.classifier import LSTMClassifier


def averaged_model(network: LSTMClassifier, decay: float) -> AveragedModel:
    """Make a moving average of a network's weights, which keeps the share ``decay`` of itself.

    The first steps count for more, else the random beginning would be in it for long: after step
    n, no more than (1 + n) / (10 + n) is kept.
    """

    def average(means: Sequence[Tensor], weights: Sequence[Tensor], step: Tensor | int) -> None:
        keep = min(decay, (1 + int(step)) / (10 + int(step)))
        for mean, weight in zip(means, weights, strict=True):
            mean.lerp_(weight, 1 - keep)

    averaged = AveragedModel(network, multi_avg_fn=average)
    averaged.eval().requires_grad_(False)
    set_steps(averaged, 0)
    return averaged


def set_steps(averaged: AveragedModel, steps: int) -> None:
    """Tell an average how many steps of the network are in it."""
    # PyTorch counts the weights before the first step too, and would take the first as they are.
    averaged.n_averaged.fill_(1 + steps)
