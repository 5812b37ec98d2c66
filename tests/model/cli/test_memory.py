from collections.abc import Callable

import pytest
import torch

from conveyor.model.cli.memory import enough_memory
from conveyor.model.errors import OutOfMemory


def cpu() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def python() -> None:
    bytearray(2**60)


def gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def gpu_library() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize("use", [cpu, python, gpu, gpu_library])
def test_whatever_runs_out_of_memory_says_so(use: Callable[[], None]) -> None:
    says = r"^There is not enough memory: take less\.$"
    with pytest.raises(OutOfMemory, match=says), enough_memory(lambda: "take less"):
        use()


def test_other_errors_stay_what_they_are() -> None:
    wrong = pytest.raises(RuntimeError, match="shapes cannot be multiplied")
    with wrong, enough_memory(lambda: "take less"):
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    with enough_memory(lambda: "take less"):
        pass
