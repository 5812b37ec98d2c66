import numpy as np
import pytest
import torch

from conveyor.model.inference import classifier as module
from conveyor.model.inference.classifier import use_threads, used_threads
from tests.conftest import random_classifier, reviews

TEXTS = ["", *(example.text for example in reviews(20))]


def test_predictions_stand_in_the_order_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = random_classifier()
    encodings = classifier.encode(TEXTS)
    one_by_one = np.concatenate([classifier.predict([encoding]) for encoding in encodings])
    monkeypatch.setattr(module, "BATCH_TOKENS", 40)  # several batches, sorted by length
    np.testing.assert_allclose(classifier.predict(encodings), one_by_one, atol=1e-6)
    np.testing.assert_allclose(one_by_one.sum(axis=1), 1, atol=1e-6)


def test_texts_are_classified_in_order_by_their_ends_and_progress_is_told() -> None:
    classifier = random_classifier(max_tokens=20)
    told: list[int] = []
    texts = [review.text for review in reviews(300)] + ["the " * 5000]
    found = classifier.classify(texts, told.append)
    encodings = [encoding.last(20) for encoding in classifier.encode(texts)]
    np.testing.assert_allclose(found, classifier.predict(encodings), atol=1e-6)
    assert told == sorted(told)
    assert told[-1] == 301


def test_nothing_to_predict() -> None:
    classifier = random_classifier()
    assert classifier.classify([]).shape == (0, 3)
    assert classifier.predict([]).shape == (0, 3)
    assert classifier.trace([]) == []


def test_a_trace_has_a_step_for_each_token(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = random_classifier(num_layers=2, bidirectional=True)
    encodings = classifier.encode(TEXTS)
    predicted = classifier.predict(encodings)
    monkeypatch.setattr(module, "BATCH_TOKENS", 40)
    traces = classifier.trace(encodings)
    for encoding, trace, probabilities in zip(encodings, traces, predicted, strict=True):
        np.testing.assert_allclose(trace.probabilities, probabilities, atol=1e-6)
        places = [(layer.layer, layer.direction) for layer in trace.layers]
        assert places == [(0, "forward"), (0, "backward"), (1, "forward"), (1, "backward")]
        for layer in trace.layers:
            hidden, cell = layer.tensors["hidden"], layer.tensors["cell"]
            assert hidden.shape == cell.shape == (len(encoding), 4)
            assert (np.abs(hidden) <= np.abs(np.tanh(cell))).all()


def test_use_threads() -> None:
    before = used_threads()
    use_threads(before + 1)
    assert used_threads() == torch.get_num_threads() == before + 1
    use_threads(before)
