from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conveyor.model.network import lstm, rnn, spans
from conveyor.model.network.cell import Cell
from conveyor.model.network.selection import Selection
from conveyor.model.network.spans import CALL_ROWS, LENGTHS, MOST_ROWS
from conveyor.model.text.tokenizer import Encoding
from tests.conftest import random_classifier

LONGEST = 5000


@given(steps=st.integers(1, LONGEST), texts=st.integers(1, MOST_ROWS // LENGTHS[-1]))
def test_spans_read_all_steps_and_few_more(steps: int, texts: int) -> None:
    lengths = list(spans.spans(steps, texts))
    assert set(lengths) <= set(LENGTHS)
    assert all(length * texts <= MOST_ROWS for length in lengths)
    assert steps <= sum(lengths)
    padding = (sum(lengths) - steps) * texts
    assert padding <= CALL_ROWS or sum(lengths) - steps < LENGTHS[-1]


def test_the_shapes_of_all_lengths_are_few() -> None:
    shapes = {length for steps in range(1, LONGEST) for length in spans.spans(steps, 1)}
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
    kernel = lstm.run_on

    def seen(x: Tensor, start: Any, weights: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        shapes.add(tuple(x.shape[:2]))
        return kernel(x, start, weights)

    monkeypatch.setattr(lstm, "run_on", seen)
    for steps in range(1, 700, 3):
        text = Encoding([5] * steps, [])
        classifier.trace([text], Selection(summaries=True))
        classifier.predict([text])
    assert len(shapes) <= len(LENGTHS)
