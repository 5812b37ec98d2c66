"""PyTorch: a classifier's state dict, of which the LSTM already has our names and layout.

Shapes in comments: T steps, X inputs of the first layer, H units of one direction, D directions,
W = D*H.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from conveyor.model.arrays import Floats
from conveyor.model.artifact.model_files import STORED_IN
from conveyor.model.convert.head import PARTS, Part, convert_head
from conveyor.model.convert.pytorch.key_map import EMBEDDING, HEAD, find_keys
from conveyor.model.convert.pytorch.state_dict import read_state_dict
from conveyor.model.convert.source import Hints, NetworkShape, Source
from conveyor.model.errors import ConversionError


def read_pytorch(path: Path, hints: Hints) -> Source:
    """Read the classifier whose state dict a file holds.

    Raises ConversionError with one sentence that says what is wrong or cannot be represented.
    """
    tensors = read_state_dict(path)
    keys = find_keys(tensors, hints.key_map)
    found = {ours: _floats(theirs, tensors[theirs]) for ours, theirs in keys.items()}
    shape = _shape(found)
    layers = _layers(found, keys, shape)
    parts = hints.parts or _only_parts(found[HEAD], shape)
    _check_head(found, keys, shape, parts)
    bias = found.get("head.bias", torch.zeros(len(found[HEAD])))
    weight, bias, pooling = convert_head(found[HEAD], bias, parts)
    weights = {EMBEDDING: found[EMBEDDING], **layers, HEAD: weight, "head.bias": bias}
    return Source(
        framework="PyTorch",
        weights={name: tensor.float().contiguous() for name, tensor in weights.items()},
        shape=NetworkShape(**{**vars(shape), "pooling": pooling, "labels": len(weight)}),
        mapping=_mapping(keys, found),
        run=_modules(found, shape, parts),
        has_program=False,
        notes=_notes(found, shape, parts),
    )


def _floats(name: str, tensor: Tensor) -> Tensor:
    if tensor.dtype not in STORED_IN:
        raise ConversionError(f"{name} holds {tensor.dtype}, not floats of 16 to 64 bits.")
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _shape(found: dict[str, Tensor]) -> NetworkShape:
    """Read the sizes from the first layer, the embedding and the names of the others."""
    layers = {int(name.split("_l")[-1].removesuffix("_reverse")) for name in _of_lstm(found)}
    return NetworkShape(
        vocab_size=len(found[EMBEDDING]),
        embedding_dim=found["lstm.weight_ih_l0"].shape[1],
        hidden_size=found["lstm.weight_hh_l0"].shape[1],
        num_layers=len(layers),
        bidirectional=any(name.endswith("_reverse") for name in _of_lstm(found)),
        pooling="last",
        labels=len(found[HEAD]),
    )


def _of_lstm(found: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in found.items() if name.startswith("lstm.")}


def _layers(
    found: dict[str, Tensor], keys: dict[str, str], shape: NetworkShape
) -> dict[str, Tensor]:
    """Return all tensors of the LSTM, checked against its sizes; a bias that it lacks is zeros."""
    biased = any("bias" in name for name in _of_lstm(found))
    with torch.device("meta"):  # shapes only
        expected = _lstm(shape, bias=True).state_dict()
    layers = {}
    for name, tensor in expected.items():
        ours = f"lstm.{name}"
        if not biased and "bias" in name:
            layers[ours] = torch.zeros(tensor.shape)
        elif ours not in found:
            raise ConversionError(
                f"The file has no tensor for {ours}, which an LSTM of {_describe(shape)} has; "
                "if it goes by another name, give --key-map."
            )
        else:
            layers[ours] = found[ours]
            _check_shape(keys[ours], found[ours], tuple(tensor.shape), _describe(shape))
    for ours in _of_lstm(found).keys() - layers.keys():
        raise ConversionError(f"{keys[ours]} has no place in an LSTM of {_describe(shape)}.")
    embedding = (shape.vocab_size, shape.embedding_dim)
    _check_shape(keys[EMBEDDING], found[EMBEDDING], embedding, _describe(shape))
    return layers


def _check_shape(name: str, tensor: Tensor, expected: tuple[int, ...], model: str) -> None:
    if tensor.shape != expected:
        raise ConversionError(
            f"{name} has the shape {tuple(tensor.shape)}, but an LSTM of {model} asks for "
            f"{expected}."
        )


def _describe(shape: NetworkShape) -> str:
    directions = ", in both directions," if shape.bidirectional else ""
    return (
        f"{shape.num_layers} layer(s) of {shape.hidden_size} units{directions} that reads "
        f"{shape.embedding_dim} numbers a token"
    )


def _width(shape: NetworkShape) -> int:
    return shape.hidden_size * (2 if shape.bidirectional else 1)


def _only_parts(weight: Tensor, shape: NetworkShape) -> tuple[Part, ...]:
    """Return the poolings, where the head's width leaves no choice."""
    width = _width(shape)
    # The last states of three layers are as wide as three poolings of one.
    if weight.shape[1:] == (len(PARTS) * width,) and shape.num_layers != len(PARTS):
        return PARTS
    raise ConversionError(
        f"How the states of all steps are pooled cannot be seen from weights, and a head that "
        f"reads {weight.shape[-1]} numbers allows more than one way: give --pooling last (h_n of "
        "the last layer), max or mean, or several in the head's order, such as --pooling mean+max."
    )


def _check_head(
    found: dict[str, Tensor], keys: dict[str, str], shape: NetworkShape, parts: tuple[Part, ...]
) -> None:
    head = found[HEAD]
    width = len(parts) * _width(shape)
    if head.ndim != 2 or head.shape[1] != width:  # noqa: PLR2004 - a matrix
        raise ConversionError(
            f"{keys[HEAD]} has the shape {tuple(head.shape)}, but {'+'.join(parts)} pooling over "
            f"an LSTM of {_describe(shape)} gives it {width} numbers: give the --pooling that the "
            "model has."
        )
    if "head.bias" in found and found["head.bias"].shape != head.shape[:1]:
        raise ConversionError(
            f"{keys['head.bias']} has the shape {tuple(found['head.bias'].shape)}, but the head's "
            f"weight asks for {tuple(head.shape[:1])}."
        )


def _mapping(keys: dict[str, str], found: dict[str, Tensor]) -> list[tuple[str, str]]:
    one = len(found[HEAD]) == 1
    order = [EMBEDDING, *sorted(_of_lstm(found)), HEAD, "head.bias"]
    return [
        (theirs, f"{ours}, second label" if one and ours.startswith("head") else ours)
        for ours in order
        if (theirs := keys.get(ours))
    ]


def _notes(found: dict[str, Tensor], shape: NetworkShape, parts: tuple[Part, ...]) -> list[str]:
    notes = [
        (
            f"A state dict has no program: that the model pools by {'+'.join(parts)}, and does "
            "nothing else to the states, is assumed. Outputs of the model itself prove it: "
            "--samples."
        )
    ]
    if shape.bidirectional and "last" in parts:
        notes.append(
            "last is what each direction ends with (h_n): the forward one at the text's end, the "
            "backward one at its beginning. A model that takes output[:, -1] has another pooling."
        )
    if len(parts) > 1:
        notes.append(f"The head is taken to read {', '.join(parts)} side by side, in this order.")
    padding = (
        "its backward direction even before the text, which changes all states of that"
        if shape.bidirectional
        else "after the text, which changes the last state, the largest and the mean"
    )
    notes.append(
        "Texts are read without padding. A model that pads them, and does not pack them "
        f"(pack_padded_sequence), reads the padding too, {padding}: to a padded text it answers "
        "otherwise than to the text alone."
    )
    if len(found[HEAD]) == 1:
        notes.append(
            "The one output z became two, 0 and z: their softmax is the sigmoid of z, exactly."
        )
    if not any("bias" in name for name in _of_lstm(found)):
        notes.append("The LSTM has no biases: here they are zeros.")
    if any(tensor.dtype == torch.float64 for tensor in found.values()):
        notes.append("Weights in double precision are rounded to single.")
    return notes


def _lstm(shape: NetworkShape, *, bias: bool) -> nn.LSTM:
    return nn.LSTM(
        shape.embedding_dim,
        shape.hidden_size,
        shape.num_layers,
        bias=bias,
        batch_first=True,
        bidirectional=shape.bidirectional,
    )


def _modules(
    found: dict[str, Tensor], shape: NetworkShape, parts: Sequence[Part]
) -> Callable[[list[list[int]]], Floats]:
    """Return a function that runs PyTorch's modules on the file's tensors, in its precision."""
    double = any(tensor.dtype == torch.float64 for tensor in found.values())
    own = {name: tensor.double() if double else tensor for name, tensor in found.items()}
    state = {name.removeprefix("lstm."): tensor for name, tensor in _of_lstm(own).items()}
    with torch.device("meta"):  # the weights are there already
        lstm = _lstm(shape, bias="bias_ih_l0" in state)
    lstm.load_state_dict(state, assign=True)

    def pooled(ids: list[int]) -> Tensor:
        x = nn.functional.embedding(torch.tensor([ids]), own[EMBEDDING])  # (1, T, X)
        output, (h, _) = lstm(x)  # (1, T, W), (layers*D, 1, H)
        directions = h[-2:] if shape.bidirectional else h[-1:]
        poolings: dict[Part, Tensor] = {
            "last": torch.cat(list(directions), dim=-1)[0],
            "max": output[0].amax(dim=0),
            "mean": output[0].mean(dim=0),
        }
        return torch.cat([poolings[part] for part in parts])

    @torch.inference_mode()
    def run(texts: list[list[int]]) -> Floats:
        read = torch.stack([pooled(ids) for ids in texts])
        logits = nn.functional.linear(read, own[HEAD], own.get("head.bias"))
        return logits.numpy().astype(np.float32)

    return run
