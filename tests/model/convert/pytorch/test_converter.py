import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from typer.testing import CliRunner

from conveyor.model.artifact import storage
from conveyor.model.cli.app import app
from conveyor.model.convert.head import PARTS, Part, read_parts
from conveyor.model.convert.pytorch.converter import read_pytorch
from conveyor.model.convert.source import Hints
from conveyor.model.errors import ConversionError
from conveyor.model.verification.check import check
from tests.model.convert.published import (
    PAD,
    TEXTS,
    MaxPooled,
    Packed,
    Pooled,
    alone,
    convert,
    named,
    probabilities,
    save_samples,
    save_vocabulary,
    served,
    softmax,
)


@pytest.mark.parametrize("pooling", [*get_args(Part), "concat", "mean+max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_shape_agrees_with_its_source(
    tmp_path: Path, layers: int, bidirectional: bool, pooling: str
) -> None:
    model = Pooled(read_parts(pooling), layers=layers, bidirectional=bidirectional)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    said = convert(
        tmp_path / "model.pt",
        tmp_path / "out",
        *save_vocabulary(tmp_path),
        *save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model)),
        *named(3),
        *["--pooling", pooling],
    )
    assert "from those of PyTorch's own modules and the samples" in said
    assert "unverified" not in said
    classifier = served(tmp_path / "out")
    assert classifier.config.num_layers == layers
    assert classifier.config.bidirectional == bidirectional
    np.testing.assert_allclose(probabilities(classifier), softmax(alone(model)), atol=1e-5)


@settings(max_examples=25)
@given(
    parts=st.permutations(PARTS).flatmap(
        lambda parts: st.integers(1, 3).map(lambda count: tuple(parts[:count]))
    ),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    labels=st.integers(1, 4),
    bias=st.booleans(),
    dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]),
)
def test_what_is_read_is_what_pytorch_computes(
    tmp_path_factory: pytest.TempPathFactory,
    parts: tuple[Part, ...],
    layers: int,
    bidirectional: bool,
    labels: int,
    bias: bool,
    dtype: torch.dtype,
) -> None:
    """The reference that is run on the spot is the model itself."""
    model = Pooled(parts, layers=layers, bidirectional=bidirectional, labels=labels, bias=bias)
    model.to(dtype)
    path = tmp_path_factory.mktemp("source") / "model.safetensors"
    safetensors.torch.save_file(model.state_dict(), path)
    source = read_pytorch(path, Hints(parts=parts))
    assert source.run
    given_by = alone(model if dtype == torch.float64 else model.float())
    np.testing.assert_allclose(source.run(TEXTS), given_by, atol=1e-6)
    assert all(tensor.dtype == torch.float32 for tensor in source.weights.values())
    assert source.shape.labels == max(labels, 2)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_packed_sequences_and_their_last_state(
    tmp_path: Path, layers: int, bidirectional: bool
) -> None:
    model = Packed(layers=layers, bidirectional=bidirectional)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    lengths = torch.tensor([len(ids) for ids in TEXTS])
    padded = nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in TEXTS], padding_value=PAD)
    with torch.inference_mode():
        logits = model(padded, lengths).numpy()
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, logits)
    flags = [*save_vocabulary(tmp_path), *samples, *named(4), "--pooling", "last"]
    said = convert(tmp_path / "model.pt", tmp_path / "out", *flags)
    assert ("h_n" in said) == bidirectional
    np.testing.assert_allclose(probabilities(served(tmp_path / "out")), softmax(logits), atol=1e-5)


def test_the_last_step_of_both_directions_is_not_taken_for_their_last_states(
    tmp_path: Path,
) -> None:
    """output[:, -1] has read the whole text only forward: samples show that it is another."""
    model = Pooled(("last",), bidirectional=True)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    with torch.inference_mode():
        outputs = [model.lstm(model.embedding(torch.tensor([ids])))[0][:, -1] for ids in TEXTS]
        logits = model.fc(torch.cat(outputs)).numpy()
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, logits)
    flags = [*save_vocabulary(tmp_path), *samples, *named(3), "--pooling", "last"]
    with pytest.raises(ConversionError, match="does not give what PyTorch gives"):
        convert(tmp_path / "model.pt", tmp_path / "out", *flags)
    assert not (tmp_path / "out").exists()


class ReluBeforeHead(Pooled):
    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        output, _ = self.lstm(self.embedding(ids))
        logits: torch.Tensor = self.fc(output[:, -1].relu())
        return logits


def test_what_tensors_do_not_tell_is_unverified_without_samples(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, out = ReluBeforeHead(), tmp_path / "out"
    torch.save(model.state_dict(), tmp_path / "model.pt")
    flags = [*save_vocabulary(tmp_path), *named(3), "--pooling", "last"]
    said = " ".join(convert(tmp_path / "model.pt", out, *flags).split())
    assert "from those of PyTorch's own modules," in said
    assert "It is unverified against its source: whether something stands between" in said
    assert "and how texts become tokens was not compared. To prove" in said
    assert json.loads((out / "config.json").read_text())["unverified"] is True
    assert "It is unverified against its source" in (out / "README.md").read_text()
    served(out)
    assert caplog.messages == [f"{out} is {storage.UNVERIFIED}"]
    config = next(found for found in check(out) if found.check == "config")
    assert (config.outcome, storage.UNVERIFIED in config.message) == ("ok", True)
    shown = CliRunner().invoke(app, ["info", str(out)]).stdout
    assert "origin" in shown
    assert "unverified" in shown

    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model))
    with pytest.raises(ConversionError, match="does not give what PyTorch gives"):
        convert(tmp_path / "model.pt", tmp_path / "other", *flags, *samples)
    assert not (tmp_path / "other").exists()


def test_a_model_that_was_compared_has_the_config_of_any_other(tmp_path: Path) -> None:
    model = Pooled()
    torch.save(model.state_dict(), tmp_path / "model.pt")
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model))
    flags = [*save_vocabulary(tmp_path), *samples, *named(3), "--pooling", "last"]
    convert(tmp_path / "model.pt", tmp_path / "out", *flags)
    assert "unverified" not in (tmp_path / "out" / "config.json").read_text()
    assert not served(tmp_path / "out").config.unverified


def test_a_head_on_one_direction_alone_is_refused(tmp_path: Path) -> None:
    model = Packed(bidirectional=True)
    state = model.state_dict()
    state["fc.weight"] = state["fc.weight"][:, :5].clone()
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(
        ConversionError, match=r"10 numbers wide.*fc.weight \(4, 5\).*one direction"
    ):
        read_pytorch(tmp_path / "model.pt", Hints())


def test_largest_of_padded_output(tmp_path: Path) -> None:
    """hidden_size counts both directions, a hub's config lacks labels and tokenizer."""
    model = MaxPooled()
    directory = tmp_path / "hub"
    directory.mkdir()
    torch.save(model.state_dict(), directory / "pytorch_model.bin")
    config = {"architectures": ["LSTMForClassification"], "hidden_size": 8, "depth": 1}
    (directory / "config.json").write_text(json.dumps(config | {"max_seq_length": 128}))
    with pytest.raises(
        ConversionError,
        match=r"lacks a tokenizer.*--vocabulary.*, and the names of its 2 labels.*--labels",
    ):
        convert(directory, tmp_path / "out", "--pooling", "max")
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model))
    flags = ["--pooling", "max", *save_vocabulary(tmp_path), *named(2), *samples]
    said = " ".join(convert(directory, tmp_path / "out", *flags).split())
    assert "hidden_size 8, which counts both directions: each has 4 units" in said
    assert "max_seq_length 128" in said
    assert "its backward direction even before the text" in said
    np.testing.assert_allclose(
        probabilities(served(tmp_path / "out")), softmax(alone(model)), atol=1e-5
    )
    padded = [ids + [PAD] * (128 - len(ids)) for ids in TEXTS]
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model, padded))
    with pytest.raises(ConversionError, match="the samples may have been padded"):
        convert(directory, tmp_path / "other", *flags[:-2], *samples)


def test_one_output_becomes_two_labels(tmp_path: Path) -> None:
    model = Pooled(("max",), labels=1)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    samples = tmp_path / "samples.jsonl"
    positive = torch.from_numpy(alone(model)).sigmoid()
    rows = zip(TEXTS, positive.tolist(), strict=True)
    samples.write_text("\n".join(json.dumps({"ids": i, "probabilities": p}) for i, p in rows))
    flags = [*save_vocabulary(tmp_path), "--labels", "neg,pos", "--pooling", "max"]
    said = convert(tmp_path / "model.pt", tmp_path / "out", *flags, "--samples", str(samples))
    assert "the sigmoid of z, exactly" in " ".join(said.split())
    classifier = served(tmp_path / "out")
    assert classifier.config.labels == ("neg", "pos")
    np.testing.assert_allclose(probabilities(classifier)[:, 1:], positive, atol=1e-5)


@pytest.mark.parametrize("prefix", ["model.", "module.", "_orig_mod.net."])
@pytest.mark.parametrize("holder", [None, "state_dict", "model_state_dict", "weights"])
def test_prefixes_and_checkpoints_are_seen_through(
    tmp_path: Path, prefix: str, holder: str | None
) -> None:
    state = {f"{prefix}{name}": tensor for name, tensor in Pooled(PARTS).state_dict().items()}
    optimizer = {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []}
    torch.save(
        {holder: state, "epoch": 3, "optimizer": optimizer} if holder else state,
        tmp_path / "model.pth",
    )
    source = read_pytorch(tmp_path / "model.pth", Hints())
    assert source.shape.pooling == "concat"
    assert (f"{prefix}fc.weight", "head.weight") in source.mapping
    assert len(source.mapping) == len(state)


def test_the_pooling_is_asked_for_where_the_width_allows_several(tmp_path: Path) -> None:
    torch.save(Pooled(("max",)).state_dict(), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=r"cannot be seen from weights.*give --pooling last"):
        read_pytorch(tmp_path / "model.pt", Hints())
    # The last states of three layers, side by side, are as wide as three poolings.
    torch.save(Pooled(PARTS, layers=3).state_dict(), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match="cannot be seen from weights"):
        read_pytorch(tmp_path / "model.pt", Hints())
    with pytest.raises(ConversionError, match=r"\(3, 12\), but max pooling .* gives it 4 numbers"):
        read_pytorch(tmp_path / "model.pt", Hints(parts=("max",)))


def test_a_wrong_pooling_is_shown_by_samples(tmp_path: Path) -> None:
    model = Pooled(("max",))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    samples = save_samples(tmp_path / "samples.jsonl", TEXTS, alone(model))
    flags = [*save_vocabulary(tmp_path), *samples, *named(3), "--pooling", "mean"]
    with pytest.raises(ConversionError, match="may be another than mean"):
        convert(tmp_path / "model.pt", tmp_path / "out", *flags)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"lstm.weight_hh_l1": torch.zeros(16, 5)},
            r"lstm.weight_hh_l1 has the shape \(16, 5\), but an LSTM of 2 layer\(s\) of 4 units",
        ),
        ({"lstm.bias_ih_l0": torch.zeros(15)}, r"lstm.bias_ih_l0 has the shape \(15,\)"),
        ({"lstm.weight_hh_l0": torch.zeros(4, 4, 4)}, "a layer's weights are a matrix"),
        ({"lstm.weight_hh_l0": torch.zeros(15, 4)}, "which is no LSTM's; .* has .16, 4."),
        ({"lstm.weight_ih_l1": None}, "has no tensor for lstm.weight_ih_l1"),
        ({"lstm.weight_ih_l0": None}, "no tensor for lstm.weight_ih_l0: its first layer"),
        ({"lstm.weight_ih_l3": torch.zeros(16, 4)}, "has no tensor for lstm.weight_ih_l2"),
        ({"embedding.weight": None}, "has no embedding: the LSTM reads 5 numbers a token"),
        ({"emb2.weight": torch.zeros(9, 5)}, "emb2.weight could each be the embedding"),
        ({"fc.weight": None}, "has no head"),
        ({"fc.weight": torch.zeros(3, 9)}, r"has no head.*fc.weight \(3, 9\)"),
        ({"fc.bias": torch.zeros(4)}, r"fc.bias has the shape \(4,\), but the head's weight asks"),
        ({"fc.bias": torch.zeros(3, dtype=torch.int64)}, "fc.bias holds torch.int64, not floats"),
        (
            {"lstm.weight_ih_l0_reverse": torch.zeros(16, 5), "fc.weight": torch.zeros(3, 8)},
            "no tensor for lstm.weight_hh_l0_rev",
        ),
    ],
)
def test_a_wrong_tensor_is_named(
    tmp_path: Path, changes: dict[str, torch.Tensor | None], says: str
) -> None:
    state = Pooled(layers=2).state_dict() | changes
    torch.save({k: v for k, v in state.items() if v is not None}, tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=says):
        read_pytorch(tmp_path / "model.pt", Hints(parts=("last",)))
