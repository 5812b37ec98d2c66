"""The key map: from our names of tensors to a state dict's, found by name and shape, or given.

X inputs of the first layer, H units of one direction, W = D*H units of all D directions.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from conveyor.model.convert.json_file import read_json
from conveyor.model.errors import ConversionError

EMBEDDING, HEAD = "embedding.weight", "head.weight"
MODULES = ("embedding", "lstm", "head")
WHAT_CAN_BE = (
    "an artifact has one embedding, one LSTM, and one linear layer on its pooled states, and "
    "nothing is dropped silently"
)

_TENSOR = r"(?P<tensor>(?:weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l\d{1,3}(?:_reverse)?)"
_RECURRENT = re.compile(rf"(?:(?P<module>.+)\.)?{_TENSOR}")
_OURS = re.compile(rf"embedding\.weight|head\.(?:weight|bias)|lstm\.{_TENSOR}")
MATRIX = 2  # dimensions
# Rows of weight_hh for each unit.
GATES = {4: "LSTM", 3: "GRU", 1: "simple RNN"}


def read_key_map(values: Iterable[str]) -> dict[str, str]:
    """Merge key maps, each OURS=THEIRS or the path of a JSON file {"OURS": "THEIRS"}, into one.

    Raises ConversionError.
    """
    key_map: dict[str, str] = {}
    for value in values:
        ours, equals, theirs = value.partition("=")
        key_map |= {ours: theirs} if equals else _from_json(Path(value))
    for ours in key_map:
        if ours not in MODULES and not _OURS.fullmatch(ours):
            raise ConversionError(
                f"{ours!r} in the key map is none of our names: they are embedding.weight, "
                "lstm.weight_ih_l0 and so on as in torch.nn.LSTM, head.weight and head.bias, or "
                "for all tensors of a module embedding, lstm or head."
            )
    return key_map


def _from_json(path: Path) -> dict[str, str]:
    found = read_json(path)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise ConversionError(f"{path} is no JSON object of names, from ours to the file's.")
    return found


def find_keys(tensors: dict[str, Tensor], key_map: dict[str, str]) -> dict[str, str]:
    """Find the name in the file of every tensor of ours that it has.

    Raises ConversionError, also where a tensor is left that has no place here: it is named.
    """
    keys = _given(tensors, key_map)
    left = {name: tensor for name, tensor in tensors.items() if name not in keys.values()}
    if not any(ours.startswith("lstm.") for ours in keys):
        keys |= _find_lstm(left)
    first = {ours: tensors[theirs] for ours, theirs in keys.items() if ours.startswith("lstm.")}
    width, inputs = _widths(first, keys)
    left = {name: tensor for name, tensor in tensors.items() if name not in keys.values()}
    if EMBEDDING not in keys:
        keys[EMBEDDING] = _find_embedding(left, inputs)
        del left[keys[EMBEDDING]]
    if HEAD not in keys:
        keys[HEAD] = _find_head(left, width)
        del left[keys[HEAD]]
    bias = _sibling(keys[HEAD])
    if "head.bias" not in keys and bias in left:
        keys["head.bias"] = bias
        del left[bias]
    for name, tensor in left.items():
        raise ConversionError(
            f"{name} {tuple(tensor.shape)} is {_kind(name, tensor, left)}, which cannot be "
            f"represented: {WHAT_CAN_BE}; if the model does not use it, save the file without it."
        )
    return keys


def _given(tensors: dict[str, Tensor], key_map: dict[str, str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for ours, theirs in key_map.items():
        if ours in MODULES:
            found = {
                f"{ours}.{name.removeprefix(theirs).lstrip('.')}": name
                for name in tensors
                if name.startswith(f"{theirs}.") or not theirs
            }
            keys |= {name: there for name, there in found.items() if _OURS.fullmatch(name)}
        else:
            found = {ours: theirs} if theirs in tensors else {}
            keys |= found
        if not found:
            near = difflib.get_close_matches(theirs, tensors, n=1, cutoff=0)
            raise ConversionError(
                f"The key map says that {ours} is {theirs!r}, but the file has no such name"
                + (f"; {near[0]} is the nearest." if near else ".")
            )
    return keys


def _find_lstm(left: dict[str, Tensor]) -> dict[str, str]:
    found = {name: match for name in left if (match := _RECURRENT.fullmatch(name))}
    modules = sorted({match["module"] or "" for match in found.values()})
    if not modules:
        raise ConversionError(
            "The file has no LSTM: none of its tensors is named weight_ih_l0, as those of "
            f"torch.nn.LSTM are, but {_some(left)}; if they go by other names, give --key-map."
        )
    if len(modules) > 1:
        raise ConversionError(
            f"The file has several recurrent modules ({_some(modules)}), and their names do not "
            "say which is which layer: say it with --key-map, a tensor at a time, such as "
            f"lstm.weight_ih_l1={modules[1]}.weight_ih_l0."
        )
    return {f"lstm.{match['tensor']}": name for name, match in found.items()}


def _widths(lstm: dict[str, Tensor], keys: dict[str, str]) -> tuple[int, int]:
    """Return W and X of an LSTM's layers. Raises ConversionError if they are of another kind."""
    for ours in ("lstm.weight_ih_l0", "lstm.weight_hh_l0"):
        if ours not in lstm:
            raise ConversionError(f"The file has no tensor for {ours}: its first layer is missing.")
        if lstm[ours].ndim != MATRIX or 0 in lstm[ours].shape:
            raise ConversionError(
                f"{keys[ours]} has the shape {tuple(lstm[ours].shape)}, but a layer's weights are "
                "a matrix."
            )
    for ours in lstm:
        if "weight_hr" in ours:
            raise ConversionError(
                f"{keys[ours]} projects the states (proj_size), which cannot be represented: an "
                "artifact's LSTM has as many outputs as units."
            )
    rows, units = lstm["lstm.weight_hh_l0"].shape
    kind = GATES.get(rows // units) if rows % units == 0 else None
    if kind != "LSTM":
        raise ConversionError(
            f"{keys['lstm.weight_hh_l0']} has the shape {(rows, units)}, which is "
            + (f"a {kind}'s: only LSTMs can be converted" if kind else "no LSTM's")
            + f"; an LSTM of {units} units has {(4 * units, units)}."
        )
    directions = 2 if "lstm.weight_ih_l0_reverse" in lstm else 1
    return directions * units, lstm["lstm.weight_ih_l0"].shape[1]


def _find_embedding(left: dict[str, Tensor], inputs: int) -> str:
    fits = [
        name
        for name, tensor in left.items()
        if tensor.ndim == MATRIX and tensor.shape[1] == inputs and _sibling(name) not in left
    ]
    fits = [name for name in fits if "emb" in name.lower()] or fits
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ConversionError(
            f"{_some(fits)} could each be the embedding: say which with --key-map "
            f"embedding.weight={fits[0]}."
        )
    raise ConversionError(
        f"The file has no embedding: the LSTM reads {inputs} numbers a token, and no matrix has as "
        "many columns; word vectors from elsewhere have to be in the file, one row a token."
    )


def _find_head(left: dict[str, Tensor], width: int) -> str:
    matrices = {name: tensor for name, tensor in left.items() if tensor.ndim == MATRIX}
    fits = [name for name, t in matrices.items() if t.shape[1] in (width, 2 * width, 3 * width)]
    if not fits:
        there = [f"{name} {tuple(tensor.shape)}" for name, tensor in matrices.items()]
        raise ConversionError(
            f"The file has no head: each pooling of the LSTM's states is {width} numbers wide, "
            "over all directions, and no matrix has one, two or three times as many columns "
            f"({_some(there) if there else 'there is no other'}); a head on one direction alone, "
            "on other layers, or after further ones cannot be represented."
        )
    # Any other is one too many, whichever is taken: it is refused by its name.
    return min(fits, key=lambda name: "att" in name.lower())


def _sibling(weight: str) -> str:
    """Return the name of the bias that belongs to a weight."""
    return weight.removesuffix("weight") + "bias"


def _kind(name: str, tensor: Tensor, left: dict[str, Tensor]) -> str:
    lower = name.lower()
    if "att" in lower:
        return "part of an attention"
    if "running_" in lower or "num_batches_tracked" in lower:
        return "part of a batch normalization"
    if _RECURRENT.fullmatch(name):
        return "part of another recurrent module"
    if tensor.ndim == 1:
        weight = left.get(re.sub("bias$", "weight", name), tensor)
        return "part of a normalization" if weight.ndim == 1 else "part of another layer"
    if tensor.ndim == MATRIX:
        return "another linear layer or embedding"
    return "part of a convolution" if tensor.ndim > MATRIX else "no layer's"


def _some(names: Iterable[str], most: int = 5) -> str:
    every = [name or "the file itself" for name in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if every[most:] else "")
