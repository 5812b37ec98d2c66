"""Results as bytes: JSON, npz and safetensors, without a Python object for every number."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from conveyor.model.arrays import Floats
from conveyor.model.inference.classifier import Trace
from conveyor.model.text.tokenizer import Encoding
from conveyor.service.api.state_token import to_token
from conveyor.service.json_response import dumps

Array = NDArray[Any]

# A float32 in its shortest exact form and a comma, e.g. "-0.12345679,": 11.7 bytes on average for
# the shipped model's states on 60 of its training reviews; the longest there had 17. Rounded, it
# has a sign, a digit, a point and a comma beside its decimals.
JSON_BYTES_PER_FLOAT = 12
JSON_BYTES_BESIDE_DECIMALS = 4

# The longest piece of JSON that is written at once: while orjson writes, no other thread runs, and
# this takes it a few milliseconds.
FLOATS_AT_ONCE = 2**17

SAFETENSORS_TYPES = {"float32": "F32", "int32": "I32", "uint8": "U8", "bool": "BOOL"}


@dataclass(frozen=True)
class Result:
    """The result of one text."""

    text: str
    encoding: Encoding
    truncated: bool
    trace: Trace
    sha256: str

    @property
    def state(self) -> str | None:
        """The token of where the text ends, bound to the artifact with this hash."""
        return None if self.trace.end is None else to_token(self.trace.end, self.sha256)


@dataclass(frozen=True)
class States:
    """The answer of ``POST /states``, before it is encoded."""

    labels: tuple[str, ...]
    units: list[int]
    results: list[Result]


@dataclass(frozen=True)
class Format:
    """A media type of states: how it is written, and about how many bytes its parts take."""

    write: Callable[[States, int | None], bytes]
    per_float: int
    per_integer: int | None  # a step, a unit; None for its digits
    per_row: int  # beside its numbers
    per_array: int  # beside its rows: its name, or its header
    has_text: bool  # of the tokens
    compressible: bool


def ranked(
    probabilities: Floats, labels: tuple[str, ...], top_k: int | None = None
) -> list[dict[str, Any]]:
    """Sort the labels by their probabilities, best first; equals keep the model's order."""
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    return [{"label": labels[index], "score": probabilities[index]} for index in order]


def to_json(states: States, decimals: int | None) -> bytes:
    """Write JSON, as OpenAPI describes it; floats of the trace with so many decimals, or all."""
    results = [_json_result(result, states.labels, decimals) for result in states.results]
    return dumps({"labels": states.labels, "units": states.units, "results": results})


def to_npz(states: States, _decimals: int | None) -> bytes:
    """Write what `numpy.load` opens, not compressed; names as in docs/states.md."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(_arrays(states)))
    return buffer.getvalue()


def to_safetensors(states: States, _decimals: int | None) -> bytes:
    """Write what `safetensors.numpy.load` opens; names as in docs/states.md.

    The library's own `save` holds the whole answer twice while it writes (0.8), which for the
    largest answers is what a small container does not have. The format is a length, a header in
    JSON and the bare numbers: https://huggingface.co/docs/safetensors.
    """
    # The widest numbers first, so that each array lies where its type wants it to.
    arrays = sorted(_arrays(states), key=lambda named: -named[1].itemsize)
    header: dict[str, Any] = {}
    end = 0
    for name, array in arrays:
        start, end = end, end + array.nbytes
        kind = SAFETENSORS_TYPES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [start, end]}
    written = orjson.dumps(header)
    written += b" " * (-len(written) % 8)
    return b"".join([len(written).to_bytes(8, "little"), written, *(a.data for _, a in arrays)])


# Compressed, float32 numbers shrink by a tenth; their digits in JSON by more than half.
FORMATS = {
    "application/json": Format(
        to_json, JSON_BYTES_PER_FLOAT, None, 3, 30, has_text=True, compressible=True
    ),
    "application/x-npz": Format(to_npz, 4, 4, 0, 400, has_text=False, compressible=False),
    "application/vnd.safetensors": Format(
        to_safetensors, 4, 4, 0, 120, has_text=False, compressible=False
    ),
}


def _json_result(result: Result, labels: tuple[str, ...], decimals: int | None) -> dict[str, Any]:
    trace = result.trace
    answer: dict[str, Any] = {
        "tokens": [result.text[start:end] for start, end in result.encoding.offsets],
        "ids": result.encoding.ids,
        "offsets": result.encoding.offsets,
        "truncated": result.truncated,
        "prediction": ranked(trace.probabilities, labels),
        "steps": list(trace.steps),
        "layers": [
            {
                "layer": layer.layer,
                "direction": layer.direction,
                **{name: _json_array(array, decimals) for name, array in layer.tensors.items()},
            }
            for layer in trace.layers
        ],
    }
    for shown, layer in zip(answer["layers"], trace.layers, strict=True):
        if layer.summaries:
            summaries = layer.summaries.items()
            shown["summaries"] = {name: _json_array(array, decimals) for name, array in summaries}
    if trace.step_scores is not None:
        answer["step_scores"] = _json_array(trace.step_scores, decimals)
    if trace.contributions:
        shares = trace.contributions.items()
        answer["contributions"] = {name: _json_array(array, decimals) for name, array in shares}
    state = result.state
    if state is not None:
        answer["state"] = state
    return answer


def _json_array(array: Array, decimals: int | None) -> orjson.Fragment:
    """Write the rows of an array, some at a time."""
    if decimals is not None and array.dtype.kind == "f":
        # In double, so that rounding to many decimals does not itself move a float32.
        array = array.astype(np.float64).round(decimals).astype(np.float32)
    rows = max(1, FLOATS_AT_ONCE // max(1, array[:1].size))
    parts = (array[start : start + rows] for start in range(0, len(array), rows))
    # Each part is a list of its own: its brackets make room for the next one.
    written = b",".join(dumps(np.ascontiguousarray(part))[1:-1] for part in parts)
    return orjson.Fragment(b"[" + written + b"]")


def _arrays(states: States) -> Iterator[tuple[str, Array]]:
    """Name every array of an answer; each is contiguous."""
    yield "units", np.array(states.units, np.int32)
    for number, result in enumerate(states.results):
        for name, array in _text_arrays(result):
            yield f"text{number}.{name}", np.ascontiguousarray(array)


def _text_arrays(result: Result) -> Iterator[tuple[str, Array]]:
    trace = result.trace
    yield "ids", np.array(result.encoding.ids, np.int32)
    yield "offsets", np.array(result.encoding.offsets, np.int32).reshape(-1, 2)
    yield "truncated", np.array([result.truncated])
    yield "probabilities", trace.probabilities
    yield "steps", np.array(trace.steps, np.int32)
    if trace.step_scores is not None:
        yield "step_scores", trace.step_scores
    for name, array in trace.contributions.items():
        yield f"contributions.{name}", array
    for layer in trace.layers:
        for name, array in (*layer.tensors.items(), *layer.summaries.items()):
            yield f"layer{layer.layer}.{layer.direction}.{name}", array
    state = result.state
    if state is not None:
        yield "state", np.frombuffer(state.encode(), np.uint8)
