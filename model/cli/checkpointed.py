"""Ends of a run that writes checkpoints, beside its own errors, each told in one sentence."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from conveyor.model.cli.memory import enough_memory
from conveyor.model.errors import TrainingError
from conveyor.model.interruption import interruptible
from conveyor.model.training.checkpoint import CHECKPOINT


@contextlib.contextmanager
def checkpointed(out: Path, memory_flags: str) -> Iterator[None]:
    """Tell of a run to ``out`` that is interrupted, or that memory or disk do not suffice for.

    ``memory_flags`` are the flags that decide how much memory it takes. Raises OutOfMemory,
    TrainingError where the model cannot be written, and typer.Exit for an interruption.
    """

    def smaller() -> str:
        less = f"lower {memory_flags} or the sizes of the network, or give fewer texts"
        if not (out / CHECKPOINT).exists():
            return less
        return f"{less}, and another --out, as {out / CHECKPOINT} only goes on as it began"

    def again() -> str:
        begun = (out / CHECKPOINT).exists()
        return (
            f"The same command {'continues from the last checkpoint' if begun else 'begins anew'}."
        )

    try:
        with interruptible(again), enough_memory(smaller):
            yield
    except OSError as error:
        raise TrainingError(
            f"The model cannot be written to {out}: {error.strerror}. {again()}"
        ) from None
