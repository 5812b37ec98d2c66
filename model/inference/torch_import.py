"""The import of PyTorch, without what serving never uses of it."""

import importlib
import sys
from types import ModuleType

# Kernels in Python for tensors that have no content: `torch.compile` and `torch.export` need them,
# and what serves makes such tensors only by kernels in C++. They take a quarter of the time of
# `import torch` (2.13), and 19 MB.
KERNELS = "torch._meta_registrations"


def import_torch() -> None:
    """Import PyTorch, but not those kernels, unless something has imported it already.

    Their place is taken for as long as PyTorch imports itself. Whoever asks for them later, as all
    of PyTorch that needs them does, imports them then.
    """
    if "torch" in sys.modules:
        return
    sys.modules[KERNELS] = ModuleType(KERNELS)
    try:
        torch = importlib.import_module("torch")
    finally:
        del sys.modules[KERNELS]
    delattr(torch, KERNELS.removeprefix("torch."))
