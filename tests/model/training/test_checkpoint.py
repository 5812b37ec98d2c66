"""Runs that are interrupted, and continue from their checkpoint to the same model."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from conveyor.model.artifact import model_files
from conveyor.model.data.soft_labels import SoftExample
from conveyor.model.errors import TrainingError
from conveyor.model.training import checkpoint
from conveyor.model.training.callbacks import Callbacks, StepReport, TrainingEpoch
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import train
from tests.conftest import TINY, reviews
from tests.model.training.test_train import assert_same_weights


class Interrupted(Exception):
    pass


FINE = {"averaging": 0.9, "adversarial": 0.02, "layer_decay": 0.7}
UNLABELLED = {"virtual_adversarial": 0.1, "entropy": 0.1}


@pytest.mark.parametrize(
    ("at", "changes"),
    [(1, {}), (7, {}), (12, {}), (13, {}), (30, {}), (13, FINE), (7, UNLABELLED), (13, UNLABELLED)],
)
def test_an_interrupted_run_continues_to_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, changes: dict[str, float]
) -> None:
    """With a checkpoint after every step, broken off anywhere: in an epoch, at its end, before."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", -1)
    settings = TINY.model_copy(update={"epochs": 3, "num_layers": 2, "dropout": 0.3, **changes})
    unlabelled = [e.text for e in reviews(70, seed=1)] if changes == UNLABELLED else []
    train(reviews(200), settings, tmp_path / "whole", unlabelled=unlabelled)

    def interrupt(report: StepReport) -> None:
        if report.step == at:
            raise Interrupted

    callbacks = Callbacks[TrainingEpoch](on_step=interrupt)
    with pytest.raises(Interrupted):
        train(reviews(200), settings, tmp_path / "cut", unlabelled=unlabelled, callbacks=callbacks)
    assert not (tmp_path / "cut" / model_files.CONFIG).exists()
    starts: list[str] = []
    callbacks = Callbacks(on_start=starts.append)
    train(reviews(200), settings, tmp_path / "cut", unlabelled=unlabelled, callbacks=callbacks)
    if at > 1:
        assert f"continued at step {at - 1}" in starts[0]
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")
    assert not (tmp_path / "cut" / "checkpoint.pt").exists()


def test_a_killed_process_continues_to_the_same_model(tmp_path: Path) -> None:
    """kill -9 at a step, after others that have left a checkpoint."""
    program = """
import os, signal, sys
from pathlib import Path
from conveyor.model.training import checkpoint
from conveyor.model.training.callbacks import Callbacks
from conveyor.model.training.train import train
from tests.conftest import TINY, reviews
checkpoint.CHECKPOINT_SECONDS = -1
def die(report):
    if report.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
train(reviews(200), TINY, Path(sys.argv[1]), callbacks=Callbacks(on_step=die))
"""
    train(reviews(200), TINY, tmp_path / "whole")
    command = [sys.executable, "-c", program, str(tmp_path / "cut")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    starts: list[str] = []
    train(reviews(200), TINY, tmp_path / "cut", callbacks=Callbacks(on_start=starts.append))
    assert "continued at step" in starts[0]
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")


def interrupted_run(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: TrainingSettings = TINY,
    unlabelled: Sequence[str] = (),
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", -1)

    def interrupt(report: StepReport) -> None:
        if report.step == 2:
            raise Interrupted

    callbacks = Callbacks[TrainingEpoch](on_step=interrupt)
    with pytest.raises(Interrupted):
        train(reviews(64), settings, directory, unlabelled=unlabelled, callbacks=callbacks)


def test_another_run_s_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(tmp_path, monkeypatch)
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(64), TINY.model_copy(update={"seed": 9}), tmp_path)
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(63), TINY, tmp_path)
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(64), TINY, tmp_path, label_aliases={"blame": "zzz"})
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(64), TINY, tmp_path, validation=reviews(9, seed=5))
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(64), TINY, tmp_path, soft=[SoftExample("a film", {"praise": 1})])


def test_other_texts_without_labels_are_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TINY.model_copy(update=UNLABELLED)
    interrupted_run(tmp_path, monkeypatch, settings, ["a film"])
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        train(reviews(64), settings, tmp_path, unlabelled=["a movie"])
    train(reviews(64), settings, tmp_path, unlabelled=["a film"])


@pytest.mark.parametrize("content", [b"broken", None])
def test_a_broken_checkpoint_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        torch.save([1, 2], tmp_path / "checkpoint.pt")
    else:
        (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.pt cannot be read .* delete it"):
        train(reviews(64), TINY, tmp_path)
