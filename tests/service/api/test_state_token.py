"""A state as a text comes back to the last bit, or is refused with the reason."""

import base64
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import State
from conveyor.service.api import state_token
from conveyor.service.api.state_token import StateTokenError, from_token, to_token, token_length
from tests.model.reference import (
    classifier_of,
    forward_configs,
    make_config,
    make_text,
    read,
    seeds,
    texts,
)

SHA256 = "0123456789abcdef" * 4
CONFIG = make_config(num_layers=2)


def some_state(config: ModelConfig = CONFIG) -> State:
    [trace] = classifier_of(config, 0).trace([read(make_text(30, 1))], Selection(end=True))
    assert trace.end is not None
    return trace.end


def test_a_state_survives_as_a_text_to_the_last_bit() -> None:
    state = some_state()
    text = to_token(state, SHA256)
    assert len(text) == token_length(CONFIG)
    again = from_token(text, CONFIG, SHA256)
    assert again.tokens == state.tokens == 30
    for one, other in zip(again.arrays, state.arrays, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@given(config=forward_configs, text=texts, seed=seeds)
def test_any_state_survives_as_a_text_to_the_last_bit(
    config: ModelConfig, text: list[int], seed: int
) -> None:
    [trace] = classifier_of(config, seed).trace([read(text)], Selection(end=True))
    assert trace.end is not None
    again = from_token(to_token(trace.end, SHA256), config, SHA256)
    assert again.tokens == trace.end.tokens == len(text)
    for one, other in zip(again.arrays, trace.end.arrays, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_simple_rnn_s_state_has_no_belt() -> None:
    config = make_config(cell="rnn", num_layers=2)
    state = some_state(config)
    assert state.cell.size == 0
    assert token_length(config) < token_length(CONFIG)
    again = from_token(to_token(state, SHA256), config, SHA256)
    np.testing.assert_array_equal(again.hidden, state.hidden)


def refusal(text: str, sha256: str = SHA256) -> str:
    with pytest.raises(StateTokenError) as caught:
        from_token(text, CONFIG, sha256)
    return str(caught.value)


@given(length=st.integers(0, token_length(CONFIG) - 1))
def test_a_state_that_is_cut_short_is_refused(length: int) -> None:
    says = refusal(to_token(some_state(), SHA256)[:length])
    assert says.startswith(f"is cut short: it has {length:,} characters")


@given(data=st.data())
def test_a_state_with_another_character_is_refused(data: st.DataObject) -> None:
    text = to_token(some_state(), SHA256)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("AZaz09-_é=").filter(lambda c: c != text[place]))
    try:
        same = base64.urlsafe_b64decode(text[:place] + other + text[place + 1 :])
    except ValueError:
        same = b""
    if same != base64.urlsafe_b64decode(text):  # the last character has bits to spare
        assert refusal(text[:place] + other + text[place + 1 :]).startswith("was altered")


def test_a_state_that_is_too_long_is_refused() -> None:
    assert refusal(to_token(some_state(), SHA256) + "AAAA").startswith("was altered")


def test_a_state_of_another_model_is_refused() -> None:
    assert refusal(to_token(some_state(), "f" * 64)) == (
        "belongs to the model with the hash ffffffffffff..., but this server serves 0123456789ab..."
    )
    larger = to_token(some_state(make_config(num_layers=3, hidden_size=9)), "f" * 64)
    assert refusal(larger).startswith("belongs to the model with the hash ffff")


def test_a_state_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_token, "FORMAT", 2)
    text = to_token(some_state(), SHA256)
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
    assert refusal(to_token(forged, SHA256)) == "holds numbers to which no text leads"


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
    assert refusal(to_token(forged, SHA256)) == "holds numbers to which no text leads"


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 3.0, 2.0**53, 1e30, 1e308, np.inf, -np.inf, np.nan]
EVERY_PART = Selection(step_scores=True, end=True, summaries=True, contributions=True)


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
        state = from_token(to_token(forged, SHA256), config, SHA256)
    except StateTokenError:
        return
    [trace] = classifier_of(config, 0).trace([read(text[:40])], EVERY_PART, [state])
    assert trace.end is not None
    assert trace.end.possible or trace.end.tokens >= 2**53
    found = [trace.probabilities, trace.step_scores, *trace.contributions.values()]
    for layer in trace.layers:
        found += [*layer.tensors.values(), *layer.summaries.values()]
    assert all(np.isfinite(array).all() for array in found if array is not None)


def test_a_forged_state_of_another_size_is_refused() -> None:
    larger = some_state(make_config(num_layers=3))
    assert refusal(to_token(larger, SHA256)).startswith("was altered")


def test_a_state_before_the_first_token_is_a_state() -> None:
    [trace] = classifier_of(CONFIG, 0).trace([read([])], Selection(end=True))
    assert trace.end is not None
    again = from_token(to_token(trace.end, SHA256), CONFIG, SHA256)
    assert again.tokens == 0
    assert (again.largest == -np.inf).all()
