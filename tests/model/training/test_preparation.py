from pathlib import Path

import pytest

from conveyor import ENGLISH
from conveyor.model.artifact import language_model, storage
from conveyor.model.data.examples import Example
from conveyor.model.errors import TrainingError
from conveyor.model.evaluation.ngrams import NgramClassifier
from conveyor.model.training.initialization import PretrainedInitialization
from conveyor.model.training.preparation import prepare
from conveyor.model.training.recipe import AUTOMATIC
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import train
from tests.conftest import TINY, reviews

POLISH = [
    Example(f"{word} {thing}", label)
    for label, words in {
        "dobry": ("świetny", "cudowny", "piękny"),
        "zły": ("straszny", "nudny", "słaby"),
    }.items()
    for word in words
    for thing in ("wieczór", "zespół", "lokal", "dzień", "obiad", "pokój", "spacer", "widok")
]


def test_english_texts_start_from_the_language_model() -> None:
    prepared = prepare(reviews(100), (), TrainingSettings(), {}, AUTOMATIC)
    assert isinstance(prepared.initialization, PretrainedInitialization)
    assert len(prepared.validation) > 0
    assert {e.text for e in prepared.examples}.isdisjoint(e.text for e in prepared.validation)
    assert prepared.settings.ngrams > 0
    assert prepared.baseline is not None
    assert prepared.baseline.texts == len(prepared.validation)
    assert any(f"{prepared.baseline.accuracy:.4f}" in note for note in prepared.notes)
    assert "held-out texts tell the accuracy to within" in prepared.notes[-1]


def test_other_languages_and_other_shapes_start_from_nothing() -> None:
    assert prepare(POLISH, (), TrainingSettings(), {}, AUTOMATIC).initialization is None
    shaped = prepare(reviews(100), (), TrainingSettings(hidden_size=8), {}, AUTOMATIC)
    assert shaped.initialization is None
    assert prepare(reviews(100), (), TrainingSettings(), {}, None).initialization is None


def test_a_start_that_was_given_is_taken() -> None:
    given = PretrainedInitialization(language_model.load(ENGLISH))
    assert prepare(POLISH, (), TrainingSettings(), {}, given).initialization is given


def test_the_table_may_choose_nothing() -> None:
    given = TrainingSettings(epochs=2)
    prepared = prepare(reviews(100), (), given, {}, AUTOMATIC, choose=False)
    assert prepared.settings == given
    assert prepared.initialization is None
    assert prepared.reasons == ()
    assert prepared.baseline is not None


def test_with_nothing_held_out_there_is_nothing_to_beat() -> None:
    prepared = prepare(reviews(60), (), TrainingSettings(validation_fraction=0), {}, None)
    assert prepared.baseline is None
    assert prepared.validation == []
    assert prepared.notes == ()


def test_one_label_is_refused_before_anything_is_fitted() -> None:
    with pytest.raises(TrainingError, match="All texts have the label 'x'"):
        prepare([Example("a", "x")] * 9, (), TrainingSettings(), {}, AUTOMATIC)


def test_words_of_the_texts_that_the_language_model_lacks_are_learned(tmp_path: Path) -> None:
    """All that tells the labels apart are two words that no film review has."""
    english = language_model.load(ENGLISH)
    examples = [
        Example(f"{filler} {word} {filler}", label)
        for word, label in (("qwzrtop", "a"), ("xvbnmop", "b"))
        for filler in ("film", "story", "actor", "cast", "plot", "scene", "music", "end") * 3
    ]
    settings = TrainingSettings(epochs=6, batch_size=8, validation_fraction=0, device="cpu")
    train(examples, settings, tmp_path, initialization=PretrainedInitialization(english))
    classifier = storage.load(tmp_path).classifier
    assert classifier.config.vocab_size == english.config.vocab_size + 2
    answers = classifier.classify(["a qwzrtop", "an xvbnmop"]).argmax(axis=1)
    assert answers.tolist() == [0, 1]


def test_what_n_grams_know_is_learned_from_mixtures(tmp_path: Path) -> None:
    """Few texts: mixtures show the one word that tells among many others, and what it is worth."""
    settings = TINY.model_copy(
        update={"epochs": 200, "patience": 200, "validation_fraction": 0.0, "seed": 2}
    )
    examples = reviews(16, seed=3)
    right = []
    for name, weight in (("without", 0.0), ("with", 1.0)):
        update = {"ngrams": weight}
        evaluation = train(
            examples,
            settings.model_copy(update=update),
            tmp_path / name,
            validation=reviews(200, seed=4),
        )
        assert evaluation is not None
        right.append(evaluation.loss)
    assert right[1] < right[0]


def test_flags_that_do_not_fit_are_refused_before_n_grams_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NgramClassifier, "fit", lambda *_: pytest.fail("counted"))
    alone = TrainingSettings(gradual_unfreezing=True)
    with pytest.raises(TrainingError, match="give --pretrained too"):
        prepare(reviews(100), (), alone, {}, None)
    with pytest.raises(TrainingError, match="give --unlabelled too"):
        prepare(reviews(100), (), TrainingSettings(entropy=0.1), {}, AUTOMATIC)
    with pytest.raises(TrainingError, match="Nothing is learned from texts without labels"):
        prepare(reviews(100), (), TrainingSettings(), {}, AUTOMATIC, unlabelled=["a text"])
