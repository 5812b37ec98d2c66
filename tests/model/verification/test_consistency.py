import numpy as np
import pytest
import torch
from hypothesis import given, settings

from conveyor.model.network.config import ModelConfig
from conveyor.model.network.spans import MOST_ROWS
from conveyor.model.text.tokenizer import Encoding
from conveyor.model.verification import consistency
from tests.model.reference import (
    classifier_of,
    configs,
    forward_configs,
    lstm_configs,
    make_config,
    read,
    seeds,
)

FEW = [read([5, 6, 7, 8, 9]), read([3]), read([2, 2, 2])]


@settings(max_examples=25)
@given(config=configs, seed=seeds)
def test_any_network_agrees_with_its_equations_alone_and_in_company(
    config: ModelConfig, seed: int
) -> None:
    classifier = classifier_of(config, seed)
    texts = consistency.random_texts(config)
    assert consistency.reference(classifier, texts) < 1e-5
    assert consistency.batch_invariance(classifier, texts) < 1e-5


@settings(max_examples=25)
@given(config=forward_configs, seed=seeds)
def test_any_network_that_reads_forward_goes_on_from_a_state(
    config: ModelConfig, seed: int
) -> None:
    assert consistency.resumed(classifier_of(config, seed), consistency.random_texts(config)) < 1e-5


@settings(max_examples=25)
@given(config=lstm_configs, seed=seeds)
def test_any_lstm_changes_its_cell_state_by_the_equation(config: ModelConfig, seed: int) -> None:
    classifier = classifier_of(config, seed)
    assert consistency.state_equations(classifier, consistency.random_texts(config)) < 1e-5


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_another_weight_in_the_fast_path_is_found(
    monkeypatch: pytest.MonkeyPatch, cell: str, bidirectional: bool
) -> None:
    """The kernel reads with one weight off by 0.01: so much is the difference that is told."""
    config = make_config(cell=cell, bidirectional=bidirectional)  # type: ignore[arg-type]
    classifier = classifier_of(config, 0)
    run_on = classifier.network.cell.run_on

    def off(x: torch.Tensor, start: object, weights: list[torch.Tensor]) -> object:
        return run_on(x, start, [weights[0] + 0.01, *weights[1:]])  # type: ignore[arg-type]

    monkeypatch.setattr(f"conveyor.model.network.{cell}.run_on", off)
    assert 1e-3 < consistency.reference(classifier, FEW) < 0.1


def test_texts_are_as_long_as_the_model_reads() -> None:
    config = make_config().model_copy(update={"max_tokens": 5})
    texts = consistency.random_texts(config)
    assert max(map(len, texts)) == 5
    assert texts == consistency.random_texts(config)
    whole = consistency.random_texts(make_config())
    assert max(map(len, whole)) == 40
    assert sum(map(len, whole)) < MOST_ROWS


def test_where_numbers_are_large_the_difference_is_relative() -> None:
    assert consistency._difference([100.0, 0.5], [101.0, 0.5]) == pytest.approx(1 / 101)
    assert consistency._difference([0.2], [0.5]) == pytest.approx(0.3)
    assert np.isnan(consistency._difference([np.nan, 0.5], [0.0, 0.5]))
    assert consistency._difference([], []) == 0.0


def test_a_text_of_one_token_has_an_empty_beginning() -> None:
    assert consistency.resumed(classifier_of(make_config(), 0), [Encoding([3], [])]) < 1e-6
