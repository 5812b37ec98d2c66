import pytest
import torch

from conveyor.model.errors import TrainingError
from conveyor.model.training import optimizer
from conveyor.model.training.optimizer import autocast

CPU = torch.device("cpu")


def test_half_precision_is_computed_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch itself has no sentence for it: "could not create a primitive descriptor"."""
    layer, x = torch.nn.LSTM(6, 8), torch.ones(5, 3, 6)
    if optimizer.has_bfloat16():
        with autocast(CPU, "bfloat16"):
            assert layer(x)[0].isfinite().all()
    monkeypatch.setattr(optimizer, "has_bfloat16", lambda: False)
    with pytest.raises(TrainingError, match="does not compute with bfloat16"):
        autocast(CPU, "bfloat16")
    for precision in ("auto", "float32"):
        with autocast(CPU, precision):
            assert layer(x)[0].dtype == torch.float32
