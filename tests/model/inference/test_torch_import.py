"""What serving imports of PyTorch is enough for all that it does, and gives the same numbers."""

import json
import subprocess
import sys
from itertools import product
from typing import Any

from conveyor import SHIPPED
from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.selection import Selection

TEXTS = ["A wonderful, moving film.", "Dull, and far too long. " * 30, ""]

PROGRAM = """
import json, sys
from conveyor.model.inference.torch_import import import_torch

import_torch()
import tests.model.inference.test_torch_import as test

answers = test.answers()
test.make_networks()
assert not sys.modules.keys() & {"torch._prims", "torch._dynamo", "torch._meta_registrations"}
import torch._meta_registrations
assert torch._meta_registrations.register_meta
assert "torch._prims" in sys.modules
print(json.dumps(answers))
"""


def answers() -> list[Any]:
    """Predict texts, and trace them with all that there is."""
    classifier: Classifier = storage.load(SHIPPED).classifier
    encodings = classifier.encode(TEXTS)
    everything = Selection(step_scores=True, summaries=True, contributions=True, end=True)
    traces = classifier.trace(encodings, everything)
    again = classifier.trace(encodings, everything, [trace.end for trace in traces])
    return [
        classifier.predict(encodings).tolist(),
        *(trace.probabilities.tolist() for trace in [*traces, *again]),
        *(tensor.tolist() for trace in again for tensor in trace.layers[0].tensors.values()),
    ]


def make_networks() -> None:
    """Make the shapes of networks of all kinds, as loading a model begins."""
    config = storage.load(SHIPPED).classifier.config
    for cell, bidirectional, layers in product(("lstm", "rnn"), (False, True), (1, 3)):
        kind = {"cell": cell, "bidirectional": bidirectional, "num_layers": layers}
        storage.sizes(config.model_copy(update=kind))


def test_a_part_of_pytorch_is_left_out_and_nothing_is_missing() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == answers()
