import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.inference.continuous_batching import (
    Reader,
    SpanReader,
    WholeReader,
    kernels_of,
    reader_of,
)
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.spans import Costs, span_length
from conveyor.model.text.batching import collate
from tests.conftest import random_network
from tests.model.reference import batches, configs, make_config, make_text, seeds

arrivals = st.lists(batches, min_size=1, max_size=4)


def reading_of(network: LSTMClassifier) -> Reader:
    return reader_of(network, kernels_of(network))


def drain(reading: Reader) -> dict[int, np.ndarray]:
    answers: dict[int, np.ndarray] = {}
    while reading:
        answers.update(reading.step().finished)
    return answers


@given(config=configs, arriving=arrivals, seed=seeds, between=st.integers(0, 3))
def test_texts_that_come_and_go_are_read_as_they_are_alone(
    config: ModelConfig, arriving: list[list[list[int]]], seed: int, between: int
) -> None:
    """Others join some steps later, and whoever ends leaves: no answer notices."""
    network = random_network(config, seed)
    reading = reading_of(network)
    answers: dict[int, np.ndarray] = {}
    texts: list[list[int]] = []
    for batch in arriving:
        reading.add([(len(texts) + index, ids) for index, ids in enumerate(batch)])
        texts.extend(batch)
        for _ in range(between):
            if reading:
                answers.update(reading.step().finished)
    answers |= drain(reading)
    assert sorted(answers) == list(range(len(texts)))
    for number, ids in enumerate(texts):
        alone = network(*collate([ids], pad_token_id=0)).softmax(-1)[0]
        np.testing.assert_allclose(answers[number], alone.numpy(), atol=1e-6, rtol=0)


@given(config=configs, texts=batches, seed=seeds)
def test_preparing_twice_or_before_others_join_changes_nothing(
    config: ModelConfig, texts: list[list[int]], seed: int
) -> None:
    network = random_network(config, seed)
    plain, prepared = reading_of(network), reading_of(network)
    for number, ids in enumerate(texts):
        plain.add([(number, ids)])
        prepared.add([(number, ids)])
        prepared.prepare()
    prepared.prepare()
    expected, answers = drain(plain), drain(prepared)
    assert expected.keys() == answers.keys()
    for number, row in expected.items():
        np.testing.assert_array_equal(answers[number], row)


@given(lengths=st.lists(st.integers(0, 99), min_size=1, max_size=9), bidirectional=st.booleans())
def test_what_is_read_adds_up(lengths: list[int], bidirectional: bool) -> None:
    reading = reading_of(random_network(make_config(bidirectional=bidirectional)))
    reading.add([(number, make_text(length, 0)) for number, length in enumerate(lengths)])
    tokens = 0
    while reading:
        step = reading.step()
        tokens += step.tokens
        assert step.padding >= 0
    assert tokens == sum(lengths)


def test_a_short_text_does_not_wait_for_a_long_one() -> None:
    reading = reading_of(random_network(make_config()))
    reading.add([(0, make_text(900, 0))])
    reading.step()
    reading.add([(1, make_text(5, 1))])
    finished = [number for number, _ in reading.step().finished]
    assert finished == [1]
    assert list(drain(reading)) == [0]


def test_who_reads_backward_is_read_whole() -> None:
    assert isinstance(reading_of(random_network(make_config())), SpanReader)
    assert isinstance(reading_of(random_network(make_config(bidirectional=True))), WholeReader)


def test_all_lengths_there_are_need_few_shapes() -> None:
    """The kernel keeps working memory for each shape that it meets."""
    rng, shapes = random.Random(0), set()
    left: list[int] = []
    for _ in range(5000):
        left = sorted([*left, *(rng.randint(1, 1000) for _ in range(rng.randint(0, 8)))])[:64]
        if not left:
            continue
        length = span_length(left, Costs(160))
        shapes.add((length, len(left)))
        left = [own - length for own in left if own > length]
    assert len(shapes) <= 250


def test_reading_needs_no_gradients() -> None:
    reading = reading_of(random_network(make_config()).requires_grad_(True))
    reading.add([(0, [2, 3])])
    with torch.enable_grad():
        [(_, row)] = reading.step().finished
    assert row.shape == (3,)
