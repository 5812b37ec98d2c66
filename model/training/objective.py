"""Objective: the losses whose gradients a step follows, for texts with labels and without.

Shapes in comments: B texts, T steps, X numbers of an embedding. Steps come first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.training.adversarial import no_shift, random_shift, worst_shift
from conveyor.model.training.checkpoint import seed_step
from conveyor.model.training.optimizer import autocast, check_finite


@dataclass(frozen=True)
class Batch:
    """Texts that a network reads several times in a step, with the same dropout each time.

    So two readings differ by nothing but the shift between them. ``ids`` are (B, T), of which the
    first ``lengths`` (B,) count.
    """

    network: LSTMClassifier
    ids: Tensor
    lengths: Tensor
    precision: str
    seed: int
    step: int

    def embedded(self) -> Tensor:
        """Embed the texts (T, B, X), as a constant."""
        embedded: Tensor = self.network.embedding(self.ids.T)
        return embedded.detach()

    def logits(self, shift: Tensor | None = None) -> Tensor:
        """Compute logits (B, labels) of the texts, moved by a shift (T, B, X) or not."""
        seed_step(self.seed, self.step)
        with autocast(self.ids.device, self.precision):
            logits: Tensor = self.network(self.ids, self.lengths, shift)
        return logits.float()

    def descend(self, loss: Tensor) -> None:
        """Add the gradients of a loss. Raises TrainingError for one that is no number."""
        check_finite(loss, self.step)
        loss.backward()  # type: ignore[no-untyped-call]


def learn_labels(batch: Batch, targets: Tensor, adversarial: float) -> tuple[float, Tensor]:
    """Add the gradients of the cross-entropy with targets (B, labels), which are probabilities.

    Returns the mean loss, and logits (B, labels). With ``adversarial``, the texts count half as
    they are and half shifted by that share of their norm (Miyato et al., 2017).
    """
    if not adversarial:
        logits = batch.logits()
        loss = functional.cross_entropy(logits, targets)
        batch.descend(loss)
        return loss.item(), logits
    embedded = batch.embedded()
    shift = no_shift(embedded)
    logits = batch.logits(shift)
    loss = functional.cross_entropy(logits, targets)
    batch.descend(loss / 2)
    if shift.grad is not None:
        shifted = batch.logits(worst_shift(embedded, shift.grad, adversarial))
        batch.descend(functional.cross_entropy(shifted, targets) / 2)
    return loss.item(), logits


def learn_answers(batch: Batch, answers: Tensor, weight: float) -> None:
    """Add the gradients of the cross-entropy with a teacher's answers (B, labels), weighted."""
    batch.descend(weight * functional.cross_entropy(batch.logits(), answers))


def learn_unlabelled(batch: Batch, virtual_adversarial: float, entropy: float) -> None:
    """Add the gradients of what texts without labels teach: to be sure, and not to be shaken.

    The first is the weight ``entropy`` times the entropy of the predictions (Grandvalet & Bengio,
    2005). The second is how far the worst shift, by the share ``virtual_adversarial`` of each
    text's norm, moves the predictions: KL(p(·|x) || p(·|x + r)), with p(·|x) as a constant (Miyato
    et al., 2017; both together: Sachan et al., 2019).
    """
    with torch.set_grad_enabled(entropy > 0):
        before = batch.logits().log_softmax(dim=-1)
    if entropy:
        batch.descend(entropy * mean_entropy(before))
    if virtual_adversarial:
        before = before.detach()
        shift = virtual_worst_shift(batch, before, virtual_adversarial)
        batch.descend(divergence(batch, before, shift))


def virtual_worst_shift(batch: Batch, before: Tensor, share: float) -> Tensor:
    """Find the shift (T, B, X) that moves the predictions most from ``before``, log p (B, labels).

    As `worst_shift`, without a label to be wrong about. Around no shift at all, the divergence has
    no slope; so its slope is taken at a random shift of the same size, which is one step of the
    power iteration to the direction in which it bends most (Miyato et al., 2018).
    """
    embedded = batch.embedded()
    probe = random_shift(embedded, batch.lengths, share).requires_grad_()
    [gradient] = torch.autograd.grad(divergence(batch, before, probe), probe)
    return worst_shift(embedded, gradient, share)


def divergence(batch: Batch, before: Tensor, shift: Tensor) -> Tensor:
    """Compute KL(p || q), the mean over texts: log p (B, labels) is ``before``, q has a shift."""
    after = batch.logits(shift).log_softmax(dim=-1)
    return functional.kl_div(after, before, reduction="batchmean", log_target=True)


def mean_entropy(log_probabilities: Tensor) -> Tensor:
    """Compute the entropy, in nats, of predictions (B, labels), the mean over texts."""
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1).mean()
