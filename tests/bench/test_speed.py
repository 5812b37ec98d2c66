from bench.experiments.speed import race
from tests.conftest import random_classifier


def test_models_take_turns_on_the_same_texts() -> None:
    models = {"small": random_classifier(), "large": random_classifier(hidden_size=96)}
    speed = race(models, ["a wonderful film"] * 40, turns=3)
    assert (speed.texts, speed.turns) == (40, 3)
    small, large = speed.of("small"), speed.of("large")
    assert small is not None
    assert large is not None
    assert small > large
    assert speed.of("unknown") is None
