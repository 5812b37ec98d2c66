"""Contributions of units to labels add up to the head's logits."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.inference.classifier import Trace
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from tests.model.reference import (
    batches,
    classifier_of,
    configs,
    forward_configs,
    make_config,
    make_text,
    read,
    reference_trace,
    seeds,
    texts,
)

CONTRIBUTIONS = Selection(tensors=(), contributions=True)


def sum_up_to_the_prediction(trace: Trace) -> None:
    """Check that the bias and all contributions add up to the prediction, by numpy."""
    shares = dict(trace.contributions)
    logits = shares.pop("bias").astype(np.float64)
    logits += sum(each.sum(axis=1, dtype=np.float64) for each in shares.values())
    odds = np.exp(logits - logits.max())
    np.testing.assert_allclose(odds / odds.sum(), trace.probabilities, atol=1e-5, rtol=0)


@given(config=configs, batch=batches, seed=seeds)
def test_contributions_and_the_bias_are_the_prediction(
    config: ModelConfig, batch: list[list[int]], seed: int
) -> None:
    for trace in classifier_of(config, seed).trace([read(text) for text in batch], CONTRIBUTIONS):
        assert set(trace.contributions) == {"bias", *config.directions}
        for direction in config.directions:
            assert trace.contributions[direction].shape == (3, config.hidden_size)
        sum_up_to_the_prediction(trace)


@given(config=forward_configs, text=texts, cut=st.integers(0, 300), seed=seeds)
def test_contributions_of_a_text_in_pieces_are_those_of_all_of_it(
    config: ModelConfig, text: list[int], cut: int, seed: int
) -> None:
    classifier = classifier_of(config, seed)
    [whole] = classifier.trace([read(text)], CONTRIBUTIONS)
    [first] = classifier.trace([read(text[:cut])], Selection(end=True))
    [second] = classifier.trace([read(text[cut:])], CONTRIBUTIONS, [first.end])
    sum_up_to_the_prediction(second)
    np.testing.assert_allclose(
        second.contributions["forward"], whole.contributions["forward"], atol=1e-6
    )


def test_a_contribution_is_a_unit_s_own_numbers_times_their_weights() -> None:
    """By the equations: last, largest and mean h of one unit, which lie far apart in the head."""
    config = make_config(bidirectional=True, hidden_size=6)
    classifier = classifier_of(config, 3)
    text = make_text(40, 3)
    [trace] = classifier.trace([read(text)], CONTRIBUTIONS)
    weight = classifier.network.head.weight.double()
    h = reference_trace(classifier.network, text)[0, "backward"]["hidden"][:, 2]
    parts = torch.stack([h[0], h.max(), h.mean()])  # backward, the last step is the first token's
    expected = weight[:, [6 + 2, 12 + 6 + 2, 24 + 6 + 2]] @ parts
    np.testing.assert_allclose(trace.contributions["backward"][:, 2], expected, atol=1e-6)
