"""Running out of memory, told in one sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from conveyor.model.errors import OutOfMemory

# PyTorch's words where it has no exception of its own for this: its allocator for processors (on
# Linux, on Windows), C++, and the libraries of GPUs.
SIGNS = ("DefaultCPUAllocator", "not enough memory", "bad_alloc", "out of memory", "ALLOC_FAILED")


@contextmanager
def enough_memory(advice: Callable[[], str]) -> Iterator[None]:
    """Raise OutOfMemory, with this advice, where memory runs out, on a GPU or beside it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _ran_out(error):
            raise
        raise OutOfMemory(f"There is not enough memory: {advice()}.") from None


def _ran_out(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in SIGNS)
