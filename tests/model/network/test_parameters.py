from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.artifact.language_model import network_of
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import LanguageModelConfig, ModelConfig
from conveyor.model.network.parameters import (
    ParameterInfo,
    classifier_parts,
    language_model_parts,
    parameter_count,
)
from tests.model.reference import configs, make_config


def test_the_parameters_of_the_course() -> None:
    count = parameter_count(make_config(hidden_size=32, embedding_dim=32))
    assert count.recurrent_by_formula == 8192
    assert count.formula == "4*32*(32+32)"
    simple = parameter_count(make_config(cell="rnn", hidden_size=32, embedding_dim=32))
    assert simple.recurrent_by_formula == 2048
    assert simple.formula == "32*(32+32)"


@given(config=configs)
def test_the_parameter_count_is_that_of_the_module(config: ModelConfig) -> None:
    network = LSTMClassifier(config)
    count = parameter_count(config)
    assert count.total == sum(p.numel() for p in network.parameters())
    assert count.recurrent == sum(p.numel() for p in network.recurrent.parameters())
    matrices = [p for name, p in network.recurrent.named_parameters() if name.startswith("weight")]
    assert count.recurrent_by_formula == sum(p.numel() for p in matrices)
    terms = [eval(term) for term in count.formula.split(" + ")]
    assert sum(terms) == count.recurrent_by_formula


@given(config=configs)
def test_the_parts_are_written_out_and_come_to_all(config: ModelConfig) -> None:
    parts = classifier_parts(config)
    assert [eval(part.formula) for part in parts] == [part.count for part in parts]
    assert sum(part.count for part in parts) == parameter_count(config).total
    layers = [part.name for part in parts if part.kind == "weights"]
    assert len(set(layers)) == config.num_layers * len(config.directions)


def test_the_parts_of_a_stack_that_reads_from_both_ends() -> None:
    config = make_config(hidden_size=6, embedding_dim=5, num_layers=2, bidirectional=True)
    assert [(part.name, part.formula, part.count) for part in classifier_parts(config)] == [
        ("embedding", "20*5", 100),
        ("layer 0, forward", "4*6*(6+5)", 264),
        ("layer 0, backward", "4*6*(6+5)", 264),
        ("layer 1, forward", "4*6*(6+12)", 432),
        ("layer 1, backward", "4*6*(6+12)", 432),
        ("biases", "4*2*4*6", 192),
        ("head", "(36+1)*3", 111),
    ]


def language_model(vocabulary: int, x: int, h: int, layers: int) -> LanguageModelConfig:
    return LanguageModelConfig(
        tokenizer="word",
        vocab_size=vocabulary,
        embedding_dim=x,
        hidden_size=h,
        num_layers=layers,
        direction="forward",
    )


def test_the_parts_of_a_language_model() -> None:
    parts = language_model_parts(language_model(100, 6, 8, 1))
    assert [(part.name, part.formula, part.count) for part in parts] == [
        ("embedding", "100*6", 600),
        ("layer 0, forward", "4*8*(8+6)", 448),
        ("biases", "1*2*4*8", 64),
        ("projection", "8*6", 48),
        ("output biases", "100", 100),
    ]
    count = ParameterInfo.of(parts)
    assert (count.head, count.recurrent, count.total) == (148, 512, 1260)


@given(
    config=st.builds(
        language_model, st.integers(1, 20), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)
    )
)
def test_the_parts_of_a_language_model_are_those_of_the_module(config: LanguageModelConfig) -> None:
    parts = language_model_parts(config)
    assert [eval(part.formula) for part in parts] == [part.count for part in parts]
    total = sum(parameter.numel() for parameter in network_of(config).parameters())
    assert ParameterInfo.of(parts).total == total
