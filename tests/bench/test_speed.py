import time

import pytest

from bench.experiments.speed import race
from conveyor.model.inference.classifier import Classifier
from tests.conftest import random_classifier


def test_models_take_turns_on_the_same_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only the models move: for a text by one second, or by three."""
    now = 0.0
    predict = Classifier.predict
    order: list[int] = []

    def timed(model: Classifier, encodings: list[object]) -> object:
        nonlocal now
        size = model.config.hidden_size
        now += len(encodings) * (1 if size < 96 else 3)
        order.append(size)
        return predict(model, encodings)  # type: ignore[arg-type]

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(Classifier, "predict", timed)
    models = {"small": random_classifier(hidden_size=4), "large": random_classifier(hidden_size=96)}
    speed = race(models, ["a wonderful film"] * 40, turns=3)
    assert (speed.texts, speed.turns) == (40, 3)
    assert order == [4, 96] * 4
    assert speed.of("small") == pytest.approx(1.0)
    assert speed.of("large") == pytest.approx(1 / 3)
    assert speed.of("unknown") is None
