from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conveyor.model.network import lstm, rnn, spans
from conveyor.model.network.cell import Cell, parameters
from conveyor.model.network.selection import Selection
from conveyor.model.network.spans import LENGTHS, MOST_ROWS, STEP_ROWS, Costs, span_length
from conveyor.model.text.tokenizer import Encoding
from tests.conftest import random_classifier

LONGEST = 5000


calls = st.integers(1, 2000).map(Costs)


@given(
    steps=st.integers(1, LONGEST),
    texts=st.integers(1, MOST_ROWS // LENGTHS[-1]),
    costs=calls,
)
def test_spans_read_all_steps_and_few_more(steps: int, texts: int, costs: Costs) -> None:
    lengths = list(spans.spans(steps, texts, costs))
    assert set(lengths) <= set(LENGTHS)
    assert all(length * texts <= MOST_ROWS for length in lengths)
    assert steps <= sum(lengths)
    more = sum(lengths) - steps
    assert (more - LENGTHS[-1]) * (texts + STEP_ROWS) <= costs.call


@given(left=st.lists(st.integers(0, LONGEST), min_size=1, max_size=300).map(sorted), costs=calls)
def test_spans_have_few_shapes_and_little_padding(left: list[int], costs: Costs) -> None:
    length = span_length(left, costs)
    assert length in LENGTHS
    if length > min(LENGTHS):
        padding = sum(max(0, length - own - LENGTHS[-1]) for own in left)
        assert padding + STEP_ROWS * max(0, length - left[-1] - LENGTHS[-1]) <= costs.call
        assert length * len(left) <= MOST_ROWS
        assert length < 2 * left[-1]  # no longer than all need


def test_the_longest_span_that_pays_is_read() -> None:
    costs = Costs(160)
    assert span_length([288] * 8, costs) == 256
    assert span_length([32] * 8, costs) == 32
    assert span_length([100, 1000], costs) == 256  # 152 rows of padding cost less than a call
    assert span_length([50, 1000], costs) == 128  # 200 rows do not
    assert span_length([9] * 60, costs) == 16  # where 8 would need 8 more
    assert span_length([1] * 64, costs) == 8
    assert span_length([1000] * 64, costs) == 32  # 2,048 rows


def test_a_short_text_alone_is_not_read_as_a_long_one() -> None:
    costs = Costs.of([parameters(lstm.build(128, 512, 1), 0, "forward")])
    assert [span_length([length], costs) for length in (1, 5, 9, 20, 60)] == [8, 8, 16, 32, 64]


def test_a_call_is_worth_the_more_rows_the_smaller_the_network() -> None:
    sizes = ((128, 128), (128, 256), (128, 512))
    calls = [Costs.of([parameters(lstm.build(*size, 1), 0, "forward")]).call for size in sizes]
    assert calls == sorted(calls, reverse=True)
    assert calls[1] == 160
    assert Costs.of([parameters(rnn.build(128, 256, 1), 0, "forward")]).call == 640


def test_the_shapes_of_all_lengths_are_few() -> None:
    shapes = {n for steps in range(1, LONGEST) for n in spans.spans(steps, 1, Costs(160))}
    assert len(shapes) <= len(LENGTHS)


@given(
    steps=st.integers(1, 300),
    texts=st.sampled_from([1, 3, 9, 300]),
    cell=st.sampled_from([lstm, rnn]),
)
def test_in_spans_it_reads_what_it_reads_at_once(steps: int, texts: int, cell: Cell) -> None:
    torch.manual_seed(steps)
    layers = cell.build(2, 3, 1)
    weights = [weight.detach() for weight in layers.parameters()]
    x = torch.randn(steps, texts, 2)
    start = [torch.randn(texts, 3).tanh() for _ in cell.STATES]
    with torch.no_grad():
        whole, _ = cell.run_on(x, start, weights)
        torch.testing.assert_close(spans.run(cell, x, start, weights), whole, atol=1e-6, rtol=0)
    with torch.enable_grad():
        torch.testing.assert_close(spans.run(cell, x, start, weights), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_kernel_meets_few_shapes_whatever_is_asked(
    bidirectional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps a plan of about a megabyte for each."""
    classifier = random_classifier(bidirectional=bidirectional, num_layers=2)
    shapes: set[tuple[int, ...]] = set()
    run_on = lstm.run_on

    def seen(x: Tensor, start: Any, weights: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        shapes.add(tuple(x.shape[:2]))
        return run_on(x, start, weights)

    def watched(weights: Sequence[Tensor]) -> lstm.Kernel:
        return partial(seen, weights=weights)

    monkeypatch.setattr(lstm, "run_on", seen)
    monkeypatch.setattr(lstm, "kernel", watched)
    for steps in range(1, 700, 3):
        text = Encoding([5] * steps, [])
        classifier.trace([text], Selection(summaries=True))
        classifier.predict([text])
    assert len(shapes) <= len(LENGTHS)
