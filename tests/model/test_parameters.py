from hypothesis import given

from model.config import ModelConfig
from model.network import LSTMClassifier
from model.parameters import parameter_count
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
