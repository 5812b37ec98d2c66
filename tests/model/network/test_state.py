"""A text that comes in pieces is read as if it had come whole."""

import base64
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import StateError
from model.network import state as module
from model.network.config import ModelConfig
from model.network.selection import Selection
from model.network.state import State, text_length
from tests.model.reference import (
    batches,
    classifier_of,
    forward_configs,
    make_config,
    make_text,
    read,
    seeds,
    texts,
)

SHA256 = "0123456789abcdef" * 4
EVERYTHING = Selection(step_scores=True, end=True)


def passed_on(state: State | None, config: ModelConfig) -> State | None:
    """The state as another replica gets it."""
    return state and State.from_text(state.to_text(SHA256), config, SHA256)


@given(
    config=forward_configs,
    text=texts,
    cuts=st.lists(st.integers(0, 300), max_size=5).map(sorted),
    seed=seeds,
)
def test_chunked_equals_whole(
    config: ModelConfig, text: list[int], cuts: list[int], seed: int
) -> None:
    classifier = classifier_of(config, seed)
    [whole] = classifier.trace([read(text)], EVERYTHING)
    state: State | None = None
    pieces = []
    for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = read(text[start:stop])
        [trace] = classifier.trace([piece], EVERYTHING, [passed_on(state, config)])
        pieces.append(trace)
        state = trace.end
    assert state is not None
    assert whole.end is not None
    last = pieces[-1]
    np.testing.assert_allclose(last.probabilities, whole.probabilities, atol=1e-6)
    scores = [piece.step_scores for piece in [*pieces, whole]]
    joined = np.concatenate([score for score in scores[:-1] if score is not None])
    np.testing.assert_allclose(joined, np.array(scores[-1]), atol=1e-6)
    for place, layer in enumerate(whole.layers):
        for name, expected in layer.tensors.items():
            actual = np.concatenate([piece.layers[place].tensors[name] for piece in pieces])
            np.testing.assert_allclose(actual, expected, atol=1e-6, rtol=1e-6, err_msg=name)
    assert state.tokens == whole.end.tokens == len(text)
    for mine, theirs in zip(state.arrays, whole.end.arrays, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6, rtol=1e-6)


@given(config=forward_configs, batch=batches, seed=seeds, selected=st.booleans())
def test_texts_that_share_a_batch_end_as_they_do_alone(
    config: ModelConfig, batch: list[list[int]], seed: int, selected: bool
) -> None:
    """Some begin, some continue; and an end is the same whatever is selected beside it."""
    classifier = classifier_of(config, seed)
    encodings = [read(text) for text in batch]
    starts = [
        trace.end if row % 2 else None
        for row, trace in enumerate(classifier.trace(encodings, EVERYTHING))
    ]
    selection = Selection(tensors=("cell",), units=[0], layers=(0,), end=True)
    together = classifier.trace(encodings, selection if selected else EVERYTHING, starts)
    for encoding, start, trace in zip(encodings, starts, together, strict=True):
        [alone] = classifier.trace([encoding], EVERYTHING, [start])
        assert trace.end is not None
        assert alone.end is not None
        assert trace.end.tokens == alone.end.tokens
        for mine, theirs in zip(trace.end.arrays, alone.end.arrays, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-6, rtol=1e-6)


CONFIG = make_config(num_layers=2)


def some_state(config: ModelConfig = CONFIG) -> State:
    [trace] = classifier_of(config, 0).trace([read(make_text(30, 1))], Selection(end=True))
    assert trace.end is not None
    return trace.end


def test_a_state_survives_as_a_text_to_the_last_bit() -> None:
    state = some_state()
    text = state.to_text(SHA256)
    assert len(text) == text_length(CONFIG)
    again = State.from_text(text, CONFIG, SHA256)
    assert again.tokens == state.tokens == 30
    for one, other in zip(again.arrays, state.arrays, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_simple_rnn_s_state_has_no_cell_state() -> None:
    config = make_config(cell="rnn", num_layers=2)
    state = some_state(config)
    assert state.cell.size == 0
    assert text_length(config) < text_length(CONFIG)
    again = State.from_text(state.to_text(SHA256), config, SHA256)
    np.testing.assert_array_equal(again.hidden, state.hidden)


def refusal(text: str, sha256: str = SHA256) -> str:
    with pytest.raises(StateError) as caught:
        State.from_text(text, CONFIG, sha256)
    return str(caught.value)


@given(length=st.integers(0, text_length(CONFIG) - 1))
def test_a_state_that_is_cut_short_is_refused(length: int) -> None:
    says = refusal(some_state().to_text(SHA256)[:length])
    assert says.startswith(f"is cut short: it has {length:,} characters")


@given(data=st.data())
def test_a_state_with_another_character_is_refused(data: st.DataObject) -> None:
    text = some_state().to_text(SHA256)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("AZaz09-_é=").filter(lambda c: c != text[place]))
    try:
        same = base64.urlsafe_b64decode(text[:place] + other + text[place + 1 :])
    except ValueError:
        same = b""
    if same != base64.urlsafe_b64decode(text):  # the last character has bits to spare
        assert refusal(text[:place] + other + text[place + 1 :]).startswith("was altered")


def test_a_state_that_is_too_long_is_refused() -> None:
    assert refusal(some_state().to_text(SHA256) + "AAAA").startswith("was altered")


def test_a_state_of_another_model_is_refused() -> None:
    assert refusal(some_state().to_text("f" * 64)) == (
        "belongs to the model with the hash ffffffffffff..., but this server serves 0123456789ab..."
    )
    larger = some_state(make_config(num_layers=3, hidden_size=9)).to_text("f" * 64)
    assert refusal(larger).startswith("belongs to the model with the hash ffff")


def test_a_state_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORMAT", 2)
    text = some_state().to_text(SHA256)
    monkeypatch.undo()
    assert refusal(text) == "is of format 2, but this server reads format 1"


@pytest.mark.parametrize(
    "change",
    [
        {"hidden": np.full((2, 6), np.nan, np.float32)},
        {"hidden": np.full((2, 6), 1.5, np.float32)},
        {"cell": np.full((2, 6), 31.0)},
        {"cell": np.full((2, 6), -np.inf)},
        {"largest": np.full(6, -np.inf, np.float32)},
        {"total": np.full(6, 31.0)},
        {"tokens": -1},
        {"tokens": 2**60},
        {"tokens": 0},
        {"largest": np.full(6, -1, np.float32)},
        {"largest": np.full(6, np.nan, np.float32)},
        {"total": np.full(6, 30.0)},
        {"total": np.full(6, np.nan)},
    ],
)
def test_a_forged_state_does_not_reach_the_network(change: dict[str, object]) -> None:
    forged = dataclasses.replace(some_state(), **change)  # type: ignore[arg-type]
    assert refusal(forged.to_text(SHA256)) == "holds numbers to which no text leads"


@pytest.mark.parametrize(
    "change",
    [
        {"largest": np.full(6, np.nan, np.float32)},
        {"largest": np.full(6, np.inf, np.float32)},
        {"largest": np.full(6, 1e30, np.float32)},
        {"largest": np.zeros(6, np.float32)},
        {"total": np.full(6, 1e308)},
        {"total": np.full(6, 1e-9)},
        {"cell": np.full((2, 6), 1e-9)},
        {"hidden": np.full((2, 6), np.nan, np.float32)},
    ],
)
def test_a_forged_beginning_does_not_reach_the_network(change: dict[str, object]) -> None:
    forged = dataclasses.replace(State.initial(CONFIG), **change)  # type: ignore[arg-type]
    assert refusal(forged.to_text(SHA256)) == "holds numbers to which no text leads"


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 3.0, 2.0**53, 1e30, 1e308, np.inf, -np.inf, np.nan]
EVERY_PART = dataclasses.replace(EVERYTHING, summaries=True, contributions=True)


@given(
    config=forward_configs,
    tokens=st.sampled_from([0, 1, 2, 3, 2**31, 2**53 - 1, 2**53, 2**62, -1]),
    numbers=st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=4),
    parts=st.lists(st.integers(0, 3), max_size=4),
    text=texts,
)
def test_a_forged_state_is_refused_or_answered_with_finite_numbers(
    config: ModelConfig, tokens: int, numbers: list[float], parts: list[int], text: list[int]
) -> None:
    forged = dataclasses.replace(State.initial(config), tokens=tokens)
    if tokens:
        forged.largest[...] = 0.5
    for part, number in zip(parts, numbers, strict=False):
        with np.errstate(over="ignore"):
            forged.arrays[part].flat[::2] = number
    try:
        state = State.from_text(forged.to_text(SHA256), config, SHA256)
    except StateError:
        return
    [trace] = classifier_of(config, 0).trace([read(text[:40])], EVERY_PART, [state])
    assert trace.end is not None
    assert trace.end.possible or trace.end.tokens >= 2**53
    found = [trace.probabilities, trace.step_scores, *trace.contributions.values()]
    for layer in trace.layers:
        found += [*layer.tensors.values(), *layer.summaries.values()]
    assert all(np.isfinite(array).all() for array in found if array is not None)


@given(config=forward_configs, text=texts, seed=seeds)
def test_a_real_state_is_possible(config: ModelConfig, text: list[int], seed: int) -> None:
    state = None
    for piece in (text, text[:1], [], text[1:]):
        [trace] = classifier_of(config, seed).trace([read(piece)], EVERYTHING, [state])
        state = trace.end
        assert state is not None
        assert state.possible


def test_a_forged_state_of_another_size_is_refused() -> None:
    larger = some_state(make_config(num_layers=3))
    assert refusal(larger.to_text(SHA256)).startswith("was altered")


def test_a_state_before_the_first_token_is_a_state() -> None:
    [trace] = classifier_of(CONFIG, 0).trace([read([])], Selection(end=True))
    assert trace.end is not None
    again = State.from_text(trace.end.to_text(SHA256), CONFIG, SHA256)
    assert again.tokens == 0
    assert (again.largest == -np.inf).all()
