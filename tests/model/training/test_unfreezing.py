"""Gradual unfreezing: which weights of a pretrained network learn in which epoch."""

from pathlib import Path

import pytest
import torch

from conveyor.model.artifact import language_model, storage
from conveyor.model.errors import TrainingError
from conveyor.model.training import checkpoint
from conveyor.model.training.callbacks import Callbacks, StepReport, TrainingEpoch
from conveyor.model.training.initialization import PretrainedInitialization
from conveyor.model.training.optimizer import has_bfloat16
from conveyor.model.training.pretrain import pretrain
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import _Data, _prepare, train
from conveyor.model.training.vectors import WordVectors
from tests.conftest import TINY, reviews
from tests.model.training.test_pretrain import QUICK, texts

HALF = "bfloat16" if has_bfloat16() else "float32"

SETTINGS = TrainingSettings(
    gradual_unfreezing=True,
    bidirectional=True,
    batch_size=16,
    epochs=5,
    patience=5,
    learning_rate=0.02,
    weight_decay=0.5,
    device="cpu",
)


@pytest.fixture(scope="module")
def initialization(tmp_path_factory: pytest.TempPathFactory) -> PretrainedInitialization:
    """Two layers, in both directions."""
    settings = QUICK.model_copy(update={"epochs": 1, "num_layers": 2})
    directory = tmp_path_factory.mktemp("language")
    pretrain(texts(30), settings, directory / "forward")
    forward = language_model.load(directory / "forward")
    turned = settings.model_copy(update={"backward": True})
    pretrain(texts(30), turned, directory / "backward", embedding_of=forward)
    return PretrainedInitialization(forward, language_model.load(directory / "backward"))


@pytest.mark.parametrize(
    "changes",
    [{}, {"averaging": 0.5, "adversarial": 0.02}, {"precision": HALF, "layer_decay": 0.5}],
)
def test_a_layer_more_learns_in_each_epoch_and_the_others_stay(
    tmp_path: Path, initialization: PretrainedInitialization, changes: dict[str, object]
) -> None:
    """With much decay of weights, which must not reach what is frozen."""
    settings = initialization.settings(SETTINGS.model_copy(update=changes))
    run = _prepare(_Data(reviews(60)), ["blame", "praise"], {}, settings, tmp_path, initialization)
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    layers = [
        {"head.weight", "head.bias"},
        *({f"lstm.{k}_l{n}{way}" for k in kinds for way in ("", "_reverse")} for n in (1, 0)),
        {"embedding.weight"},
    ]
    learning: set[str] = set()
    for layer in [*layers, set[str]()]:
        learning |= layer
        before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
        run.train_epoch(lambda _: None)
        run.finish_epoch(None)
        after = run.network.state_dict()
        assert {name for name in before if not torch.equal(before[name], after[name])} == learning
        if len(learning) < len(before):
            known = initialization.forward.weights["embedding.weight"]
            assert torch.equal(run.learned.embedding.weight[: len(known)], known)


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("at", [2, 5, 6, 13])
def test_an_interrupted_run_continues_to_the_same_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    initialization: PretrainedInitialization,
    at: int,
) -> None:
    """In an epoch, at its end, at the beginning of the next."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", -1)
    settings = SETTINGS.model_copy(update={"averaging": 0.5})
    train(reviews(70), settings, tmp_path / "whole", initialization=initialization)

    def interrupt(report: StepReport) -> None:
        if report.step == at:
            raise Interrupted

    callbacks = Callbacks[TrainingEpoch](on_step=interrupt)
    with pytest.raises(Interrupted):
        train(
            reviews(70),
            settings,
            tmp_path / "cut",
            initialization=initialization,
            callbacks=callbacks,
        )
    train(reviews(70), settings, tmp_path / "cut", initialization=initialization)
    whole, cut = (
        storage.load(tmp_path / name).classifier.network.state_dict() for name in ("whole", "cut")
    )
    for name, tensor in whole.items():
        torch.testing.assert_close(cut[name], tensor, atol=1e-6, rtol=0)


def test_only_what_is_pretrained_is_unfrozen(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("film 1 2\nthe 3 4\n")
    vectors = WordVectors.of(tmp_path / "vectors.txt")
    open_settings = SETTINGS.model_copy(update={"bidirectional": False})
    for settings, beginning in (
        (TINY.model_copy(update={"gradual_unfreezing": True}), None),
        (open_settings, vectors),
    ):
        with pytest.raises(TrainingError, match="keeps what a pretrained model knows: give --pre"):
            train(reviews(40), settings, tmp_path / "m", initialization=beginning)
    assert not (tmp_path / "m").exists()
