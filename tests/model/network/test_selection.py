"""A selection is a part of the whole trace, whatever work is saved on the way."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conveyor.model.inference.classifier import Trace
from conveyor.model.network import lstm
from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection, answer_floats
from tests.model.reference import (
    batches,
    classifier_of,
    configs,
    forward_configs,
    make_config,
    make_text,
    read,
    seeds,
)

ends = st.none() | st.integers(-320, 320)
slices = st.builds(slice, ends, ends, st.none() | st.integers(1, 40))


@st.composite
def selections(draw: st.DrawFn, config: ModelConfig) -> Selection:
    layers = st.sets(st.integers(0, config.num_layers - 1), min_size=1).map(sorted).map(tuple)
    directions = st.sets(st.sampled_from(config.directions), min_size=1).map(sorted).map(tuple)
    units = st.lists(st.integers(0, config.hidden_size - 1), min_size=1, max_size=12)
    return Selection(
        tensors=draw(st.sets(st.sampled_from(cell_of(config).TENSORS)).map(sorted).map(tuple)),
        layers=draw(st.none() | layers),
        directions=draw(st.none() | directions),
        units=draw(st.none() | units),
        steps=draw(st.none() | slices),
        summaries=draw(st.booleans()),
        step_scores=draw(st.booleans()) and not config.bidirectional,
        contributions=draw(st.booleans()),
        end=draw(st.booleans()) and not config.bidirectional,
    )


def close(actual: NDArray[Any], expected: NDArray[Any]) -> None:
    # Relative where a cell state is large: float32 itself steps by 1e-6 from 8 on.
    np.testing.assert_allclose(actual, expected, atol=1e-6, rtol=1e-6)


@given(data=st.data(), config=configs, batch=batches, seed=seeds)
def test_a_selection_is_a_part_of_the_whole(
    data: st.DataObject, config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    classifier = classifier_of(config, seed)
    encodings = [read(text) for text in batch]
    selection = data.draw(selections(config))
    whole = classifier.trace(encodings, Selection(contributions=True))
    for encoding, everything, part in zip(
        encodings, whole, classifier.trace(encodings, selection), strict=True
    ):
        steps = list(range(len(encoding)))[selection.steps or slice(None)]
        assert list(part.steps) == steps
        close(part.probabilities, everything.probabilities)
        units = slice(None) if selection.units is None else selection.units
        names = {"bias", *(selection.directions or config.directions)}
        assert set(part.contributions) == (names if selection.contributions else set())
        for name, shares in part.contributions.items():
            close(
                shares,
                everything.contributions[name][..., slice(None) if name == "bias" else units],
            )
        expected = [
            layer for layer in everything.layers if selection.has(layer.layer, layer.direction)
        ]
        assert [(p.layer, p.direction) for p in part.layers] == [
            (e.layer, e.direction) for e in expected
        ]
        for mine, theirs in zip(part.layers, expected, strict=True):
            assert set(mine.tensors) == set(selection.tensors or ())
            for name, array in mine.tensors.items():
                close(array, theirs.tensors[name][steps][:, units])
            assert bool(mine.summaries) == selection.summaries
        assert (part.step_scores is None) == (not selection.step_scores)
        assert (part.end is None) == (not selection.end)


def everything_but_steps(trace: Trace) -> list[NDArray[Any]]:
    return [array for layer in trace.layers for array in layer.tensors.values()]


@pytest.mark.parametrize("layers", [None, (0,)])
@pytest.mark.parametrize("directions", [None, ("backward",)])
def test_what_a_selection_has(
    layers: tuple[int, ...] | None, directions: tuple[str, ...] | None
) -> None:
    selection = Selection(layers=layers, directions=directions)
    for layer in (0, 1):
        for direction in ("forward", "backward"):
            wanted = layer in (layers or (0, 1))
            wanted = wanted and direction in (directions or ("forward", "backward"))
            assert selection.has(layer, direction) == wanted


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    classifier = classifier_of(make_config(num_layers=2, bidirectional=True), 0)
    encodings = [read(make_text(length, length)) for length in (300, 0, 299, 31)]
    expected = classifier.trace(encodings)
    monkeypatch.setattr(lstm, "BLOCK_ROWS", rows)
    for one, other in zip(expected, classifier.trace(encodings), strict=True):
        for mine, theirs in zip(
            everything_but_steps(one), everything_but_steps(other), strict=True
        ):
            close(mine, theirs)


@pytest.mark.parametrize(
    ("selection", "gates", "rows"),
    [
        (Selection(tensors=("hidden",)), 0, 0),
        (Selection(tensors=()), 0, 0),
        (Selection(tensors=("output_gate",)), 1, 100),
        (Selection(tensors=("output_gate", "input_gate"), steps=slice(-1, None)), 2, 1),
        (Selection(tensors=("cell",), steps=slice(-1, None)), 3, 100),
        (Selection(tensors=(), summaries=True, steps=slice(-1, None)), 4, 100),
        (Selection(tensors=(), end=True), 3, 100),
        (Selection(tensors=("cell",), end=True), 3, 100),
    ],
)
def test_only_what_is_selected_is_computed(
    monkeypatch: pytest.MonkeyPatch, selection: Selection, gates: int, rows: int
) -> None:
    """Counted where the gates are made: sigmoids of texts x steps x gates x units."""
    computed = []
    original = torch.Tensor.sigmoid_

    def counted(z: torch.Tensor) -> torch.Tensor:
        computed.append(z.numel())
        return original(z)

    monkeypatch.setattr(torch.Tensor, "sigmoid_", counted)
    classifier_of(make_config(hidden_size=6), 0).trace([read(make_text(100, 0))], selection)
    assert sum(computed) == gates * rows * 6


@given(config=forward_configs, batch=batches, seed=seeds, steps=slices)
def test_a_step_s_score_is_the_prediction_for_the_text_until_there(
    config: ModelConfig, batch: list[list[int]], seed: int, steps: slice
) -> None:
    classifier = classifier_of(config, seed)
    encodings = [read(text) for text in batch]
    selection = Selection(tensors=(), step_scores=True, steps=steps)
    for text, trace in zip(batch, classifier.trace(encodings, selection), strict=True):
        assert trace.step_scores is not None
        assert trace.step_scores.shape == (len(trace.steps), 3)
        for step, scores in list(zip(trace.steps, trace.step_scores, strict=True))[:5]:
            [expected] = classifier.predict([read(text[: step + 1])])
            close(scores, expected)


@given(config=forward_configs, batch=batches.filter(any), seed=seeds)
def test_the_last_step_s_score_is_the_prediction(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    classifier = classifier_of(config, seed)
    last = Selection(tensors=(), step_scores=True, steps=slice(-1, None))
    for trace in classifier.trace([read(text) for text in batch if text], last):
        assert trace.step_scores is not None
        close(trace.step_scores[0], trace.probabilities)


@given(data=st.data(), config=configs, batch=batches, seed=seeds)
def test_the_numbers_of_an_answer_are_counted_before_it_is_computed(
    data: st.DataObject, config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    selection = data.draw(selections(config))
    traces = classifier_of(config, seed).trace([read(text) for text in batch], selection)
    arrays = []
    for trace in traces:
        arrays += [array for layer in trace.layers for array in layer.tensors.values()]
        arrays += [array for layer in trace.layers for array in layer.summaries.values()]
        arrays += [*trace.contributions.values()]
        arrays += [] if trace.step_scores is None else [trace.step_scores]
    counted = answer_floats(selection, config, [len(text) for text in batch])
    assert counted == sum(array.size for array in arrays)
