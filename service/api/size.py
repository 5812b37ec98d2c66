"""The size of an answer of `POST /states`, estimated before any of it is computed."""

from collections.abc import Sequence

import orjson

from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection, answer_floats
from conveyor.model.network.summary import arrays_per_layer
from conveyor.model.text.tokenizer import Encoding
from conveyor.service.api.encoding import JSON_BYTES_BESIDE_DECIMALS, Format
from conveyor.service.api.state_token import token_length
from conveyor.service.api.texts import score_bytes

# The arrays that each text has, and a text's names and brackets in JSON, in bytes.
ARRAYS_PER_TEXT = 5
BYTES_PER_TEXT = 160

# The quotes and the comma of a token, the brackets of its offsets and their comma.
BRACKETS_PER_TOKEN = 6

# Tokens may share characters: a tokenizer of bytes makes up to four of one.
MAX_SHARED = 4


def answer_bytes(
    form: Format,
    decimals: int | None,
    selection: Selection,
    config: ModelConfig,
    texts: Sequence[tuple[str, Encoding]],
) -> int:
    """Estimate the bytes of these texts' states, with so many decimals, or all."""
    lengths = [len(encoding) for _, encoding in texts]
    units = config.hidden_size if selection.units is None else len(selection.units)
    arrays = _arrays(selection, config)
    size = _integers(form, units, config.hidden_size)
    size += _bytes_per_float(form, decimals) * answer_floats(selection, config, lengths)
    per_text = form.per_array * (ARRAYS_PER_TEXT + arrays)
    per_text += score_bytes(config.labels, len(config.labels))
    per_text += token_length(config) if selection.end else 0
    for text, encoding in texts:
        steps = len(selection.steps_of(len(encoding)))
        size += per_text + _text_bytes(form, text, encoding, config.vocab_size)
        size += _integers(form, steps, len(encoding)) + form.per_row * (steps + 1) * arrays
    return size


def _bytes_per_float(form: Format, decimals: int | None) -> int:
    if decimals is None:
        return form.per_float
    return min(form.per_float, decimals + JSON_BYTES_BESIDE_DECIMALS)


def _integers(form: Format, count: int, largest: int) -> int:
    return count * (form.per_integer or len(str(largest)) + 1)


def _text_bytes(form: Format, text: str, encoding: Encoding, vocab_size: int) -> int:
    """Estimate what is said of a text whatever is selected: its tokens, their ids and offsets."""
    tokens = len(encoding)
    size = BYTES_PER_TEXT + _integers(form, tokens, vocab_size)
    size += _integers(form, 2 * tokens, len(text)) + BRACKETS_PER_TOKEN * tokens
    if not form.has_text or not encoding.offsets:
        return size
    first, last = encoding.offsets[0][0], encoding.offsets[-1][1]
    shared = sum(end - start for start, end in encoding.offsets) > last - first
    written = len(orjson.dumps(text[first:last]))
    return size + written * (MAX_SHARED if shared else 1)


def _arrays(selection: Selection, config: ModelConfig) -> int:
    """Count the arrays of a text among what is selected."""
    tensors = cell_of(config).TENSORS
    each = len(selection.names(tensors))
    each += arrays_per_layer(tensors) if selection.summaries else 0
    shares = (1 + len(config.labels)) * len(config.directions) if selection.contributions else 0
    return selection.count(config) * each + selection.step_scores + selection.end + shares
