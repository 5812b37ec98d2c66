import random
from pathlib import Path

import numpy as np
import pytest
import torch

from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example
from conveyor.model.errors import DataError, TrainingError
from conveyor.model.evaluation.metrics import evaluate
from conveyor.model.network.cell import parameters
from conveyor.model.network.lstm import cell_weights
from conveyor.model.training.callbacks import Callbacks, StepReport, TrainingEpoch
from conveyor.model.training.train import _Data, _prepare, split, train
from tests.conftest import FILLERS, TINY, reviews


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return storage.load(directory).classifier.network.state_dict()


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-6, rtol=0)


def test_a_split_holds_out_a_share_of_every_label() -> None:
    examples = [Example(str(n), "often") for n in range(100)] + [
        Example(str(n), "seldom") for n in range(100, 110)
    ]
    training, held_out = split(examples, 0.2, seed=1)
    assert sorted(training + held_out, key=repr) == sorted(examples, key=repr)
    assert [sum(e.label == label for e in held_out) for label in ("often", "seldom")] == [20, 2]
    assert split(examples, 0.2, seed=1) == (training, held_out)
    assert split(examples, 0.2, seed=2) != (training, held_out)


def test_copies_of_a_text_stay_together() -> None:
    examples = [Example(str(n % 50), "a") for n in range(150)] + [Example("0", "b")] * 3
    training, held_out = split(examples, 0.2, seed=0)
    assert len(held_out) in {30, 33}
    assert {example.text for example in held_out}.isdisjoint(e.text for e in training)


def test_a_label_with_one_example_is_trained_on() -> None:
    training, held_out = split([Example("a", "x"), Example("b", "y")], 0.4, seed=0)
    assert len(training) == 2
    assert held_out == []
    assert len(split([Example("a", "x"), Example("b", "y")], 0.99, seed=0)[0]) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"num_layers": 2, "bidirectional": True, "pooling": "max"},
        {"pooling": "last", "tokenizer": "bpe"},
        {"pooling": "mean", "embedding_dropout": 0.0},
        {"averaging": 0.9, "adversarial": 0.05, "layer_decay": 0.8},
        {"cell": "rnn", "num_layers": 2, "bidirectional": True},
        {"cell": "rnn", "averaging": 0.9},
    ],
)
def test_the_family_learns(tmp_path: Path, changes: dict[str, object]) -> None:
    settings = TINY.model_copy(update=changes | {"epochs": 8})
    evaluation = train(reviews(400), settings, tmp_path / "model")
    assert evaluation is not None
    assert evaluation.texts == pytest.approx(40, abs=3)  # some texts are there twice
    assert evaluation.accuracy > 0.9


def test_long_texts_are_trained_on_by_their_end(tmp_path: Path) -> None:
    steps: list[StepReport] = []
    examples = [Example("a " * 100 + label, label) for label in ("x", "y")] * 10
    settings = TINY.model_copy(update={"train_tokens": 3, "epochs": 1, "validation_fraction": 0.0})
    train(examples, settings, tmp_path, callbacks=Callbacks(on_step=steps.append))
    assert steps[-1].tokens == 20 * 3


def test_the_settings_reach_the_network_and_the_optimizer(tmp_path: Path) -> None:
    settings = TINY.model_copy(
        update={"dropout": 0.25, "embedding_dropout": 0.75, "weight_decay": 0.125}
    )
    prepared = _prepare(_Data(reviews(20)), ["blame", "praise"], {}, settings, tmp_path)
    assert (prepared.network.dropout, prepared.network.embedding_dropout) == (0.25, 0.75)
    groups = prepared.optimizer.adamw.param_groups
    assert {group["weight_decay"] for group in groups} == {0.125}
    assert {group["max_lr"] for group in groups} == {settings.learning_rate}
    weights = cell_weights(parameters(prepared.network.recurrent, 0, "forward"))
    assert (weights.b_f == 1).all()  # the forget gates begin open
    assert prepared.batches.size == settings.batch_size


def test_lower_layers_learn_slower(tmp_path: Path) -> None:
    settings = TINY.model_copy(
        update={"layer_decay": 0.5, "num_layers": 11, "bidirectional": True, "learning_rate": 0.25}
    )
    prepared = _prepare(_Data(reviews(20)), ["blame", "praise"], {}, settings, tmp_path)
    groups = prepared.optimizer.adamw.param_groups
    assert [group["max_lr"] for group in groups] == [0.25 * 0.5**depth for depth in range(13)]
    assert [len(group["params"]) for group in groups] == [2, *[8] * 11, 1]
    network = prepared.network
    places = {id(p): depth for depth, group in enumerate(groups) for p in group["params"]}
    assert places[id(network.recurrent.weight_hh_l10_reverse)] == 1
    assert places[id(network.recurrent.weight_ih_l0)] == 11
    assert places[id(network.embedding.weight)] == 12


def test_averaged_weights_are_those_that_are_judged_and_kept(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"averaging": 0.9})
    prepared = _prepare(_Data(reviews(40)), ["blame", "praise"], {}, settings, tmp_path)
    prepared.train_epoch(lambda _: None)
    prepared.finish_epoch(None)
    kept = prepared.best_classifier().network
    assert prepared.classifier().network is kept
    assert kept is not prepared.network
    assert not torch.allclose(kept.head.weight, prepared.network.head.weight, atol=1e-3)


def test_a_shifted_batch_counts_half(tmp_path: Path) -> None:
    """With a shift of next to nothing, a step is what it is without."""
    steps = []
    for share in (0.0, 1e-9):
        settings = TINY.model_copy(update={"adversarial": share})
        prepared = _prepare(_Data(reviews(40)), ["blame", "praise"], {}, settings, tmp_path)
        prepared.train_epoch(lambda _: None)
        steps.append(prepared.network.state_dict())
    for name, tensor in steps[0].items():
        torch.testing.assert_close(tensor, steps[1][name], atol=1e-4, rtol=0)


def opinions(count: int, seed: int) -> list[Example]:
    """Texts with six telling words each, of twenty for a label: which go together can be seen."""
    rng = random.Random(seed)
    examples = []
    for _ in range(count):
        label = rng.choice(["blame", "praise"])
        words = [f"{label}{rng.randrange(20)}" for _ in range(6)] + rng.choices(FILLERS, k=2)
        examples.append(Example(" ".join(rng.sample(words, len(words))), label))
    return examples


@pytest.mark.parametrize(
    "changes", [{"virtual_adversarial": 0.3}, {"virtual_adversarial": 0.1, "entropy": 0.1}]
)
def test_many_texts_without_labels_help_few_with(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    settings = TINY.model_copy(update={"epochs": 120, "patience": 120, "batch_size": 8, "seed": 2})
    starts: list[str] = []
    right = []
    for name, update, texts in (
        ("without", {}, []),
        ("with", changes, [example.text for example in opinions(300, 5)]),
    ):
        evaluation = train(
            opinions(8, 22),
            settings.model_copy(update=update),
            tmp_path / name,
            validation=opinions(100, 99),
            unlabelled=texts,
            callbacks=Callbacks(on_start=starts.append),
        )
        assert evaluation is not None
        right.append(evaluation.accuracy)
    assert starts[1].startswith("8 texts and 300 without labels, 2 labels, ")
    assert right[1] > right[0]


@pytest.mark.parametrize(
    ("changes", "texts", "says"),
    [
        ({"virtual_adversarial": 0.1}, [], "are for texts without labels: give --unlabelled too"),
        ({"entropy": 0.1}, [], "are for texts without labels: give --unlabelled too"),
        ({}, ["a"], "Nothing is learned from texts without labels: give --virtual-adversarial"),
    ],
)
def test_texts_without_labels_and_what_they_are_for_need_each_other(
    tmp_path: Path, changes: dict[str, float], texts: list[str], says: str
) -> None:
    with pytest.raises(TrainingError, match=says):
        train(reviews(40), TINY.model_copy(update=changes), tmp_path / "m", unlabelled=texts)
    assert not (tmp_path / "m").exists()


def test_ties_do_not_keep_a_run_going(tmp_path: Path) -> None:
    epochs: list[TrainingEpoch] = []
    settings = TINY.model_copy(update={"epochs": 9, "patience": 2, "learning_rate": 1e-12})
    held_out = [Example("", "blame"), Example("", "praise")] * 50  # a half is always wrong
    callbacks = Callbacks(on_epoch=epochs.append)
    train(reviews(30), settings, tmp_path, validation=held_out, callbacks=callbacks)
    assert [report.best for report in epochs] == [True, False, False]


def test_an_unknown_label_among_the_held_out_is_said_before_training(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'meh', which the model does not have"):
        train(reviews(40), TINY, tmp_path / "m", validation=[Example("a", "meh")])
    assert not (tmp_path / "m").exists()


def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path: Path) -> None:
    prepared = _prepare(_Data(reviews(20)), ["blame", "praise"], {}, TINY, tmp_path)
    prepared.finish_epoch(None)
    prepared.best_weights["head.bias"] += 1e6
    with pytest.raises(TrainingError, match="too large to be stored in half precision"):
        prepared.best_classifier()


def test_what_a_run_reports(tmp_path: Path) -> None:
    starts: list[str] = []
    steps: list[StepReport] = []
    epochs: list[TrainingEpoch] = []
    settings = TINY.model_copy(update={"epochs": 3})
    train(
        reviews(100),
        settings,
        tmp_path / "model",
        callbacks=Callbacks(starts.append, steps.append, epochs.append),
    )
    assert len(starts) == 1
    assert starts[0].startswith("90 texts, 2 labels, ")
    assert [report.step for report in steps] == list(range(1, 19))
    assert {report.steps for report in steps} == {18}
    assert [report.epoch for report in epochs] == [1, 2, 3]
    assert epochs[-1].loss < epochs[0].loss
    assert all(report.validation for report in epochs)
    assert steps[-1].tokens > steps[0].tokens > 0


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"epochs": 1})
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(reviews(64), settings.model_copy(update={"seed": seed}), tmp_path / name)
    assert_same_weights(tmp_path / "a", tmp_path / "b")
    assert not torch.equal(
        weights(tmp_path / "a")["head.weight"], weights(tmp_path / "c")["head.weight"]
    )


def test_a_run_stops_when_it_no_longer_gets_better(tmp_path: Path) -> None:
    """Held-out texts with the wrong labels: the better it learns, the worse it does on them."""
    wrong = [
        Example(e.text, "praise" if e.label == "blame" else "blame") for e in reviews(100, seed=1)
    ]
    epochs: list[TrainingEpoch] = []
    settings = TINY.model_copy(update={"epochs": 30, "patience": 2})
    evaluation = train(
        reviews(300),
        settings,
        tmp_path / "model",
        validation=wrong,
        callbacks=Callbacks(on_epoch=epochs.append),
    )
    assert len(epochs) < 30
    best = min(report.validation.loss for report in epochs if report.validation)
    assert [report.best for report in epochs[-2:]] == [False, False]
    assert evaluation is not None
    assert evaluation.loss == pytest.approx(best, abs=0.01)  # rounded to half precision


def test_what_is_kept_tells_the_labels_apart_and_not_the_first_that_says_the_frequent_one(
    tmp_path: Path,
) -> None:
    """At first, the accuracy is that of always saying the frequent label, epoch after epoch."""
    examples = reviews(500)
    rare = [example for example in examples if example.label == "blame"]
    frequent = [example for example in examples if example.label == "praise"]
    settings = TINY.model_copy(update={"epochs": 12, "patience": 3, "seed": 1})
    epochs: list[TrainingEpoch] = []
    train(
        [*frequent, *rare[:25]],
        settings,
        tmp_path / "model",
        validation=reviews(120, seed=1),
        callbacks=Callbacks(on_epoch=epochs.append),
    )
    judged = [report.validation for report in epochs if report.validation]
    assert judged[0].never_predicted == ("blame",)
    assert judged[0].accuracy == judged[1].accuracy
    kept = storage.load(tmp_path / "model").classifier
    assert evaluate(kept, reviews(200, seed=2)).never_predicted == ()


def test_few_held_out_texts_choose_no_epoch_and_end_no_run(tmp_path: Path) -> None:
    held_out = [Example("", "blame"), Example("", "praise")]
    epochs: list[TrainingEpoch] = []
    settings = TINY.model_copy(update={"epochs": 5, "patience": 1})
    callbacks = Callbacks(on_epoch=epochs.append)
    train(reviews(30), settings, tmp_path, validation=held_out, callbacks=callbacks)
    assert [report.best for report in epochs] == [False] * 5


def test_with_nothing_held_out_the_last_epoch_is_kept(tmp_path: Path) -> None:
    epochs: list[TrainingEpoch] = []
    settings = TINY.model_copy(update={"validation_fraction": 0.0, "patience": 1, "epochs": 3})
    callbacks = Callbacks(on_epoch=epochs.append)
    assert train(reviews(60), settings, tmp_path / "model", callbacks=callbacks) is None
    assert [report.best for report in epochs] == [False] * 3
    assert "nothing is known" in (tmp_path / "model" / "README.md").read_text()


def test_no_text_of_the_data_is_in_the_artifact(trained: Path) -> None:
    golden = (trained / "golden.json").read_text()
    assert not any(example.text in golden for example in reviews(300))


def test_labels_are_renamed(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"epochs": 1})
    train(reviews(40), settings, tmp_path, label_aliases={"praise": "thumbs up"})
    config = storage.load(tmp_path).classifier.config
    assert config.labels == ("blame", "thumbs up")
    assert config.label_aliases == {"praise": "thumbs up"}


def test_a_label_that_is_not_there_cannot_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no label 'great' to be renamed"):
        train(reviews(40), TINY, tmp_path, label_aliases={"great": "praise"})


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="All texts have the label 'x'"):
        train([Example("a", "x"), Example("b", "x")], TINY, tmp_path)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(reviews(100), settings, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no CUDA device"):
        train(reviews(20), TINY.model_copy(update={"device": "cuda"}), tmp_path)


def test_texts_without_a_single_token_are_trained_on(tmp_path: Path) -> None:
    examples = [Example("", "x"), Example("good", "y")] * 20
    train(examples, TINY.model_copy(update={"epochs": 1}), tmp_path)
    assert np.isfinite(storage.load(tmp_path).classifier.network.head.weight.numpy()).all()
