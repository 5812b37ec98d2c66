from pathlib import Path

import numpy as np
import pytest

from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example
from conveyor.model.errors import DataError
from conveyor.model.evaluation.metrics import Evaluation, confusion, evaluate, label_ids
from tests.conftest import random_classifier, reviews


def test_figures_of_a_known_confusion() -> None:
    counts = confusion(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1]), labels=3)
    evaluation = Evaluation(("a", "b", "c"), counts, 0.0, 0.0)
    assert evaluation.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert evaluation.texts == 5
    assert evaluation.accuracy == pytest.approx(4 / 5)
    np.testing.assert_allclose(evaluation.precision, [1, 2 / 3, np.nan])
    np.testing.assert_allclose(evaluation.recall, [2 / 3, 1, np.nan])


def test_the_most_frequent_mistakes() -> None:
    counts = np.array([[9, 2, 0], [5, 9, 1], [0, 0, 9]])
    evaluation = Evaluation(("a", "b", "c"), counts, 0.0, 0.0)
    assert evaluation.confusions(2) == [("b", "a", 5), ("a", "b", 2)]
    assert len(evaluation.confusions(10)) == 3


def test_what_always_saying_one_label_gives() -> None:
    evaluation = Evaluation(("a", "b", "c"), np.array([[6, 0, 0], [3, 0, 0], [0, 0, 0]]), 0.0, 0.0)
    assert evaluation.majority == pytest.approx(6 / 9)
    assert evaluation.never_predicted == ("b",)
    assert evaluation.uncertainty == pytest.approx((7 / 11 * 4 / 11 / 11) ** 0.5)


def test_the_worst_labels_are_those_of_the_lowest_f1_in_their_order() -> None:
    counts = np.diag([9, 1, 5, 0])
    counts[1, 0], counts[2, 0] = 8, 5
    labels = ("a", "b", "c", "no texts")
    evaluation = Evaluation(labels, counts, 0.0, 0.0)
    assert [each.label for each in evaluation.worst_labels(2)] == ["a", "b"]
    assert [each.label for each in evaluation.worst_labels(10)] == list(labels)
    assert evaluation.worst_labels(2)[1].f1 == pytest.approx(2 / (9 + 1))  # 9 texts, said once


def test_the_loss_is_that_of_calibrated_scores() -> None:
    """Who is right three times of four and always quite sure is told to be less so."""
    truth = np.array([0, 0, 0, 1] * 5_000)
    sure = np.array([[0.999, 0.001]] * len(truth), np.float32)
    loss = Evaluation.of(("a", "b"), truth, sure).loss
    assert loss == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25), abs=1e-3)
    assert Evaluation.of(("a", "b"), truth, np.full(sure.shape, 0.5)).loss == pytest.approx(
        np.log(2)
    )


def test_a_trained_model_is_right_about_new_texts(trained: Path) -> None:
    done: list[int] = []
    evaluation = evaluate(
        storage.load(trained).classifier, reviews(600, seed=1), on_progress=done.append
    )
    assert evaluation.accuracy > 0.95
    assert done == [512, 600]


def test_each_prediction_counts_for_its_own_text() -> None:
    """Labelled with what the model says, every text is right, and in its own column."""
    classifier = random_classifier(max_tokens=6)
    texts = [example.text for example in reviews(30)]
    encodings = [encoding.last(6) for encoding in classifier.encode(texts)]
    predicted = classifier.predict(encodings).argmax(axis=1)
    examples = [
        Example(text, classifier.config.labels[label])
        for text, label in zip(texts, predicted, strict=True)
    ]
    evaluation = evaluate(classifier, examples)
    assert evaluation.accuracy == 1
    assert np.diag(evaluation.confusion).tolist() == np.bincount(predicted, minlength=3).tolist()


def test_labels_go_by_their_aliases() -> None:
    examples = [Example("", "pos"), Example("", "negative"), Example("", "positive")]
    ids = label_ids(examples, ["negative", "positive"], {"pos": "positive"})
    assert ids.tolist() == [1, 0, 1]


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(
        DataError, match=r"'perhaps', which the model does not have; .* 'no', 'yes'"
    ):
        label_ids([Example("", "yes"), Example("", "perhaps")], ["no", "yes"], {})


def test_the_first_of_those_with_an_unknown_label_is_named_with_its_place() -> None:
    labels = ["yes", "perhaps", "maybe"]
    examples = [Example("", label, f"a.csv, line {n}") for n, label in enumerate(labels, 2)]
    with pytest.raises(DataError, match=r"^a\.csv, line 3 has the label 'perhaps', which"):
        label_ids(examples, ["no", "yes"], {})


def test_a_long_list_of_labels_is_cut() -> None:
    with pytest.raises(DataError, match="'9' and more"):
        label_ids([Example("", "x")], [str(n) for n in range(100)], {})
