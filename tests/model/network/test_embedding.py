"""An embedding is PyTorch's, made without what PyTorch would import for it."""

import subprocess
import sys

import torch
from torch import nn

from conveyor import SHIPPED
from conveyor.model.network import embedding


def test_it_begins_as_that_of_pytorch() -> None:
    torch.manual_seed(0)
    theirs = nn.Embedding(2_000, 24, padding_idx=3)
    torch.manual_seed(0)
    ours = embedding.build(2_000, 24, 3)
    assert torch.equal(ours.weight, theirs.weight)
    ours(torch.tensor([3, 4])).sum().backward()
    assert ours.weight.grad is not None
    assert ours.weight.grad[3].eq(0).all()
    assert ours.weight.grad[4].eq(1).all()


def test_to_load_a_model_imports_no_compiler() -> None:
    program = """
import sys
from pathlib import Path
from conveyor.model.artifact import storage
storage.load(Path(sys.argv[1]))
sys.exit(len({"torch._dynamo", "sympy"} & sys.modules.keys()))
"""
    subprocess.run([sys.executable, "-c", program, SHIPPED], check=True)
