"""Classifiers as they are published for PyTorch, built with its own modules."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from conveyor.model.arrays import Floats
from conveyor.model.artifact import storage
from conveyor.model.cli.app import app
from conveyor.model.convert.head import Part
from conveyor.model.inference.classifier import Classifier
from conveyor.model.text.tokenizer import Encoding
from tests.conftest import FILLERS, WORDS

VOCABULARY = ["<unk>", "<pad>", *FILLERS, *WORDS["praise"], *WORDS["blame"]]
PAD = VOCABULARY.index("<pad>")
ROWS = len(VOCABULARY)
# Some texts of token ids, as long as they come.
TEXTS = [[5], [3, 9], [2, 2, 7, 0, 20], list(range(ROWS)), [4, 17, 8] * 15]


def randomize(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw weights that move the gates and are not chaotic, the same for the same seed."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.6, 0.6)
    return model.eval()


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.asarray(torch.from_numpy(logits).softmax(-1))


class Pooled(nn.Module):
    """Any LSTM classifier of the kind that can be converted; texts come one at a time."""

    def __init__(
        self,
        parts: Sequence[Part] = ("last",),
        *,
        layers: int = 1,
        bidirectional: bool = False,
        labels: int = 3,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.parts = parts
        self.embedding = nn.Embedding(ROWS, 5)
        self.lstm = nn.LSTM(5, 4, layers, bias=bias, batch_first=True, bidirectional=bidirectional)
        width = 4 * (2 if bidirectional else 1)
        self.fc = nn.Linear(width * len(parts), labels, bias=bias)
        randomize(self)

    def forward(self, ids: Tensor) -> Tensor:
        output, (h, _) = self.lstm(self.embedding(ids))
        ends = [h[-2], h[-1]] if self.lstm.bidirectional else [h[-1]]
        pooled = {
            "last": torch.cat(ends, dim=1),
            "max": output.max(dim=1).values,
            "mean": output.mean(dim=1),
        }
        logits: Tensor = self.fc(torch.cat([pooled[part] for part in self.parts], dim=1))
        return logits


class Packed(nn.Module):
    """Reads packed sequences and judges the last state, as Sebastian Raschka's course does."""

    def __init__(self, *, layers: int = 1, bidirectional: bool = False, outputs: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ROWS, 6)
        self.rnn = nn.LSTM(6, 5, layers, bidirectional=bidirectional)
        self.fc = nn.Linear(10 if bidirectional else 5, outputs)
        randomize(self)

    def forward(self, text: Tensor, lengths: Tensor) -> Tensor:
        """Return logits (B, outputs) of padded texts (T, B)."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(text), lengths, enforce_sorted=False
        )
        _, (hidden, _) = self.rnn(packed)
        if self.rnn.bidirectional:
            hidden = torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)
        else:
            hidden = hidden[-1]
        logits: Tensor = self.fc(hidden)
        return logits


class MaxPooled(nn.Module):
    """Takes the largest of unpacked, padded output, and halves ``hidden_size``, as TextAttack's."""

    def __init__(self, hidden_size: int = 8, depth: int = 1, num_labels: int = 2) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.3)
        self.emb_layer = nn.Module()
        self.emb_layer.embedding = nn.Embedding(ROWS, 6)
        self.encoder = nn.LSTM(6, hidden_size // 2, depth, bidirectional=True)
        self.out = nn.Linear(hidden_size, num_labels)
        randomize(self)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits (B, labels) of padded texts (B, T)."""
        embedding = self.emb_layer.get_submodule("embedding")
        output, _ = self.encoder(self.drop(embedding(ids.t())))
        logits: Tensor = self.out(self.drop(torch.max(output, dim=0)[0]))
        return logits


@torch.inference_mode()
def alone(model: nn.Module, texts: Sequence[Sequence[int]] = TEXTS) -> Floats:
    """Return logits (texts, labels) of a model that takes texts (B, T), each run alone."""
    logits: Floats = torch.cat([model(torch.tensor([ids])) for ids in texts]).numpy()
    return logits


def save_vocabulary(directory: Path) -> list[str]:
    """Write the vocabulary, and return the flags that give it to `conveyor convert`."""
    path = directory / "vocabulary.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    return ["--vocabulary", str(path), "--split", "word", "--lowercase"]


def save_samples(path: Path, texts: Sequence[Sequence[int]], logits: Floats) -> list[str]:
    """Write samples, and return the flags that give them to `conveyor convert`."""
    rows = zip(texts, logits.tolist(), strict=True)
    path.write_text("".join(json.dumps({"ids": ids, "logits": row}) + "\n" for ids, row in rows))
    return ["--samples", str(path)]


def convert(source: Path, out: Path, *flags: str) -> str:
    """Run `conveyor convert`, and return what it says; its errors are raised."""
    result = CliRunner().invoke(app, ["convert", str(source), "--out", str(out), *flags])
    if result.exception:
        raise result.exception
    return result.output


def named(count: int) -> list[str]:
    """Return flags that name so many labels."""
    return ["--labels", ",".join(f"label {number}" for number in range(count))]


def served(directory: Path) -> Classifier:
    """Load the artifact as it would be served."""
    return storage.load(directory).classifier


def probabilities(classifier: Classifier, texts: Sequence[Sequence[int]] = TEXTS) -> Floats:
    """Compute the probabilities that the service would answer."""
    return classifier.predict([Encoding(list(ids), []) for ids in texts])
