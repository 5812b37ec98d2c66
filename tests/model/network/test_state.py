"""A text that comes in pieces is read as if it had come whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import State
from tests.model.reference import (
    batches,
    classifier_of,
    forward_configs,
    read,
    seeds,
    texts,
)

EVERYTHING = Selection(step_scores=True, end=True)


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
        [trace] = classifier.trace([piece], EVERYTHING, [state])
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


@given(config=forward_configs, text=texts, seed=seeds)
def test_a_real_state_is_possible(config: ModelConfig, text: list[int], seed: int) -> None:
    state = None
    for piece in (text, text[:1], [], text[1:]):
        [trace] = classifier_of(config, seed).trace([read(piece)], EVERYTHING, [state])
        state = trace.end
        assert state is not None
        assert state.possible
