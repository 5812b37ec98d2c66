import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from conveyor.model.convert.pytorch.converter import read_pytorch
from conveyor.model.convert.source import Hints
from conveyor.model.errors import ConversionError
from tests.model.convert.published import (
    ROWS,
    TEXTS,
    Pooled,
    alone,
    convert,
    named,
    probabilities,
    randomize,
    save_samples,
    save_vocabulary,
    served,
    softmax,
)


class WithMore(Pooled):
    """With something that an artifact has no place for."""

    def __init__(self, **more: nn.Module) -> None:
        super().__init__()
        for name, module in more.items():
            self.add_module(name, module)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"norm": nn.LayerNorm(4)}, r"norm.weight \(4,\) is part of a normalization"),
        ({"bn": nn.BatchNorm1d(4)}, r"bn\..* is part of a .*normalization"),
        ({"attention": nn.Linear(4, 1)}, r"attention.weight \(1, 4\) is part of an attention"),
        (
            {"attn": nn.MultiheadAttention(4, 1)},
            r"attn.in_proj_weight \(12, 4\) is part of an attention",
        ),
        ({"fc2": nn.Linear(7, 3)}, r"fc2.weight \(3, 7\) is another linear layer"),
        ({"fc2": nn.Linear(4, 4)}, r"fc2.weight \(4, 4\) is another linear layer"),
        ({"conv": nn.Conv1d(5, 5, 3)}, r"conv.weight \(5, 5, 3\) is part of a convolution"),
        ({"decoder": nn.LSTM(5, 4)}, r"several recurrent modules \(decoder, lstm\).*--key-map"),
    ],
)
def test_what_has_no_place_is_named(tmp_path: Path, more: dict[str, nn.Module], says: str) -> None:
    torch.save(WithMore(**more).state_dict(), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=says):
        read_pytorch(tmp_path / "model.pt", Hints(parts=("last",)))


def test_a_learned_initial_state_is_named(tmp_path: Path) -> None:
    state = Pooled().state_dict() | {"h0": torch.zeros(1, 1, 4)}
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=r"h0 \(1, 1, 4\) is .*cannot be represented"):
        read_pytorch(tmp_path / "model.pt", Hints())


@pytest.mark.parametrize(
    ("recurrent", "says"),
    [
        (nn.GRU(5, 4), "lstm.weight_hh_l0 has the shape .12, 4., which is a GRU's: only LSTMs"),
        (nn.RNN(5, 4), "lstm.weight_hh_l0 has the shape .4, 4., which is a simple RNN's"),
        (nn.LSTM(5, 6, proj_size=4), "lstm.weight_hr_l0 projects the states .proj_size."),
        (nn.Linear(5, 4), "no LSTM: none of its tensors is named weight_ih_l0"),
        (nn.LSTMCell(5, 4), "no LSTM: none of its tensors is named weight_ih_l0.*lstm.weight_ih"),
    ],
)
def test_another_recurrence_is_named(tmp_path: Path, recurrent: nn.Module, says: str) -> None:
    torch.save(WithMore(lstm=recurrent).state_dict(), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=says):
        read_pytorch(tmp_path / "model.pt", Hints())


class Stacked(nn.Module):
    """Two LSTMs one on the other, whose names do not say which is first."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(ROWS, 4)
        self.upper = nn.LSTM(4, 4, batch_first=True)
        self.lower = nn.LSTM(4, 4, batch_first=True)
        self.linear = nn.Linear(4, 3, bias=False)
        randomize(self)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        output, _ = self.upper(self.lower(self.words(ids))[0])
        logits: torch.Tensor = self.linear(output.max(dim=1).values)
        return logits


def test_the_key_map_says_what_cannot_be_found(tmp_path: Path) -> None:
    model = Stacked()
    torch.save(model.state_dict(), tmp_path / "model.pt")
    tensors = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    modules = ((0, "lower"), (1, "upper"))
    layers = {f"lstm.{t}_l{k}": f"{module}.{t}_l0" for k, module in modules for t in tensors}
    (tmp_path / "map.json").write_text(json.dumps(layers))
    flags = [*save_vocabulary(tmp_path), *named(3), "--pooling", "max"]
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model))
    with pytest.raises(ConversionError, match=r"words.weight, linear.weight could each be the emb"):
        convert(
            tmp_path / "model.pt", tmp_path / "out", *flags, "--key-map", str(tmp_path / "map.json")
        )
    maps = ["--key-map", str(tmp_path / "map.json"), "--key-map", "embedding=words"]
    convert(tmp_path / "model.pt", tmp_path / "out", *flags, *samples, *maps)
    np.testing.assert_allclose(
        probabilities(served(tmp_path / "out")), softmax(alone(model)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("head.wait=fc.weight", "'head.wait' in the key map is none of our names"),
        ("head=classifier", "head is 'classifier', but the file has no such name"),
        ("head.weight=fc.wait", "'fc.wait', but the file has no such name; fc.weight is the near"),
        ("map.json", "map.json cannot be read"),
    ],
)
def test_a_wrong_key_map_is_named(tmp_path: Path, value: str, says: str) -> None:
    torch.save(Pooled().state_dict(), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=says):
        convert(tmp_path / "model.pt", tmp_path / "out", "--key-map", value, "--pooling", "last")
