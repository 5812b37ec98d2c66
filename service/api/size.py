"""How large an answer of `POST /states` will be, part by part, before any of it is computed."""

from collections.abc import Sequence

import orjson

from model.network.cell import cell_of
from model.network.config import ModelConfig
from model.network.selection import Selection
from model.network.summary import arrays_per_layer, floats_per_step
from model.text.tokenizer import Encoding
from service.api.encoding import Format
from service.api.state_token import token_length
from service.api.texts import score_bytes

# The arrays that each text has, and a text's names and brackets in JSON, in bytes.
ARRAYS_PER_TEXT = 5
BYTES_PER_TEXT = 160

# The quotes and the comma of a token, the brackets of its place and their comma.
BRACKETS_PER_TOKEN = 6

# Tokens may share characters: a tokenizer of bytes makes up to four of one.
MOST_SHARED = 4


def answer_bytes(
    form: Format,
    per_float: int,
    selection: Selection,
    config: ModelConfig,
    texts: Sequence[tuple[str, Encoding]],
) -> int:
    """About how many bytes these texts' states are, with so many for each number."""
    units = config.hidden_size if selection.units is None else len(selection.units)
    size = _integers(form, units, config.hidden_size)
    for text, encoding in texts:
        steps = len(selection.steps_of(len(encoding)))
        size += _text_bytes(form, text, encoding, config.vocab_size)
        size += _integers(form, steps, len(encoding))
        size += score_bytes(config.labels, len(config.labels))
        size += token_length(config) if selection.end else 0
        size += per_float * (steps * _floats_per_step(selection, config, units))
        size += per_float * _contributions(selection, config, units)
        size += form.per_row * (steps + 1) * _arrays(selection, config)
    return size + len(texts) * form.per_array * (ARRAYS_PER_TEXT + _arrays(selection, config))


def _integers(form: Format, count: int, largest: int) -> int:
    return count * (form.per_integer or len(str(largest)) + 1)


def _text_bytes(form: Format, text: str, encoding: Encoding, vocab_size: int) -> int:
    """What is said of a text whatever is selected: its tokens, their ids and places."""
    tokens = len(encoding)
    size = BYTES_PER_TEXT + _integers(form, tokens, vocab_size)
    size += _integers(form, 2 * tokens, len(text)) + BRACKETS_PER_TOKEN * tokens
    if not form.has_text or not encoding.offsets:
        return size
    first, last = encoding.offsets[0][0], encoding.offsets[-1][1]
    shared = sum(end - start for start, end in encoding.offsets) > last - first
    written = len(orjson.dumps(text[first:last]))
    return size + written * (MOST_SHARED if shared else 1)


def _places(selection: Selection, config: ModelConfig) -> int:
    """How many layers and directions are selected."""
    return sum(
        selection.has(layer, direction)
        for layer in range(config.num_layers)
        for direction in config.directions
    )


def _arrays(selection: Selection, config: ModelConfig) -> int:
    """How many arrays a text has of what is selected."""
    tensors = cell_of(config).TENSORS
    each = len(selection.names(tensors))
    each += arrays_per_layer(tensors) if selection.summaries else 0
    shares = (1 + len(config.labels)) * len(config.directions) if selection.contributions else 0
    return _places(selection, config) * each + selection.step_scores + selection.end + shares


def _floats_per_step(selection: Selection, config: ModelConfig, units: int) -> int:
    tensors = cell_of(config).TENSORS
    floats = len(selection.names(tensors)) * units
    if selection.summaries:
        floats += floats_per_step(tensors, units)
    scores = len(config.labels) if selection.step_scores else 0
    return _places(selection, config) * floats + scores


def _contributions(selection: Selection, config: ModelConfig, units: int) -> int:
    if not selection.contributions:
        return 0
    return len(config.labels) * (1 + len(selection.ways(config.directions)) * units)
