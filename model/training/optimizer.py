"""Optimizer: from gradients to weights, the same for every kind of training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from conveyor.model.errors import TrainingError

CLIP_NORM = 1.0
# Share of the steps in which one-cycle's learning rate rises (Smith & Topin, 2018).
WARM_UP = 0.25
# A cycle needs a step to rise and one to fall; a run of fewer steps does not reach its end.
SHORTEST_CYCLE = 8


def choose_device(device: str) -> torch.device:
    """Choose the device of a setting; "auto" is a GPU where there is one."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise TrainingError("There is no CUDA device here: choose the device cpu or auto.")
    return torch.device("cuda" if device != "cpu" and available else "cpu")


def has_bfloat16() -> bool:
    """Tell if PyTorch can compute an LSTM's steps in bfloat16 on this processor."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - the only way to ask


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Make a context in which matrix products have the precision of a setting."""
    half = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    if half and device.type == "cpu" and not has_bfloat16():
        raise TrainingError(
            "This processor does not compute with bfloat16, which takes AVX-512: "
            "leave out --precision bfloat16."
        )
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


class Optimizer:
    """AdamW with a one-cycle learning rate over ``steps`` steps, and gradients cut to a norm.

    ``groups`` are parameters and the peak of their learning rate.
    """

    def __init__(
        self,
        groups: Sequence[tuple[Sequence[nn.Parameter], float]],
        weight_decay: float,
        steps: int,
    ) -> None:
        self.parameters = [parameter for group, _ in groups for parameter in group]
        self.adamw = torch.optim.AdamW(
            [{"params": list(group)} for group, _ in groups], weight_decay=weight_decay, fused=True
        )
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.adamw,
            [rate for _, rate in groups],
            max(steps, SHORTEST_CYCLE),
            pct_start=WARM_UP,
        )

    def step(self) -> None:
        """Take a step down the gradients that ``loss.backward()`` has added up."""
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        self.adamw.step()
        self.scheduler.step()
        self.adamw.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {
            "optimizer": self.adamw.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.adamw.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])


def check_finite(loss: torch.Tensor, step: int) -> None:
    """Raise TrainingError for a loss that is no number."""
    if not torch.isfinite(loss):
        raise TrainingError(
            f"The loss is no longer a number at step {step}: lower the learning rate."
        )
