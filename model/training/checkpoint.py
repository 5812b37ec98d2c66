"""Checkpoint: the state of a run, saved as it goes, so that the same command can continue it."""

import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from conveyor.model.errors import TrainingError
from conveyor.model.files import check_regular, write_atomically

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_SECONDS = 60.0


@dataclass
class Checkpoint:
    """The checkpoint of one run: ``fingerprint`` tells its settings and data from all others."""

    path: Path
    fingerprint: str
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """True if it is time for the next one."""
        return time.monotonic() - self.saved_at > CHECKPOINT_SECONDS

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint. Raises OSError."""
        content = io.BytesIO()
        torch.save({"fingerprint": self.fingerprint, **state}, content)
        write_atomically(self.path, content.getvalue())
        self.saved_at = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Load what was saved last; None where nothing was.

        Raises TrainingError for a broken checkpoint, and for that of another run.
        """
        if not self.path.exists():
            return None
        try:
            check_regular(self.path)
            state: dict[str, Any] = torch.load(self.path, map_location=device, weights_only=True)
            fingerprint = state["fingerprint"]
        except Exception as error:  # noqa: BLE001 - torch raises many kinds for a broken file
            raise TrainingError(
                f"{self.path} cannot be read ({type(error).__name__}): delete it to start anew."
            ) from None
        if fingerprint != self.fingerprint:
            raise TrainingError(
                f"{self.path} belongs to a run with other data or settings: choose another "
                "directory, or delete it to start anew."
            )
        return state

    def forget(self) -> None:
        """Remove the checkpoint of a finished run."""
        self.path.unlink(missing_ok=True)


def seed_step(seed: int, step: int) -> None:
    """Let all that a step draws follow from its number: no random state has to be saved."""
    torch.manual_seed(seed * 1_000_003 + step)
