import signal
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from conveyor.model.artifact import language_model
from conveyor.model.errors import TrainingError
from conveyor.model.training import checkpoint
from conveyor.model.training.callbacks import Callbacks, PretrainingEpoch, StepReport
from conveyor.model.training.pretrain import _prepare, pretrain
from conveyor.model.training.settings import PretrainingSettings
from tests.conftest import reviews

QUICK = PretrainingSettings(
    embedding_dim=6,
    hidden_size=8,
    epochs=3,
    batch_size=4,
    bptt=10,
    negatives=20,
    learning_rate=0.02,
    device="cpu",
)


def texts(count: int) -> list[str]:
    return [example.text for example in reviews(count)]


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = language_model.load(one).weights, language_model.load(other).weights
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-6, rtol=0)


def test_a_language_is_learned(tmp_path: Path) -> None:
    """One of ten words, all as frequent, which only the words before it can tell."""
    settings = QUICK.model_copy(update={"epochs": 8})
    count = ["one two three four five six seven eight nine ten"] * 100
    epochs: list[PretrainingEpoch] = []
    starts: list[str] = []
    callbacks = Callbacks(on_start=starts.append, on_epoch=epochs.append)
    found = pretrain(count, settings, tmp_path / "lm", callbacks=callbacks, about="about it")
    assert starts[0].startswith("99 texts of 1,090 tokens, ")
    assert [report.epoch for report in epochs] == list(range(1, 9))
    assert epochs[-1].loss < epochs[0].loss
    assert found == epochs[-1].perplexity < 1.5
    card = (tmp_path / "lm" / "README.md").read_text()
    assert f"held-out texts: **{found:.1f}**" in card
    assert "8 of 8 epochs" in card
    assert "about it" in card
    assert not (tmp_path / "lm" / "checkpoint.pt").exists()


def test_the_weights_have_the_names_of_the_classifier_s(tmp_path: Path) -> None:
    settings = QUICK.model_copy(update={"num_layers": 2, "epochs": 1, "tokenizer": "bpe"})
    pretrain(texts(30), settings, tmp_path)
    stored = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert stored["lstm.weight_ih_l1"].shape == (32, 8)
    assert stored["projection.weight"].shape == (6, 8)
    assert (stored["embedding.weight"][0] == 0).all()
    assert language_model.load(tmp_path).config.tokenizer == "bpe"


def test_backward_reads_each_text_from_its_end(tmp_path: Path) -> None:
    forward = _prepare(texts(9), QUICK, tmp_path)
    turned = QUICK.model_copy(update={"backward": True})
    backward = _prepare(texts(9), turned, tmp_path)
    assert [ids.tolist() for ids in backward.ids] == [ids[::-1].tolist() for ids in forward.ids]


def test_the_embedding_of_another_model_stays_as_it_is(tmp_path: Path) -> None:
    pretrain(texts(40), QUICK, tmp_path / "forward")
    forward = language_model.load(tmp_path / "forward")
    settings = QUICK.model_copy(update={"backward": True})
    pretrain(texts(40), settings, tmp_path / "backward", embedding_of=forward)
    backward = language_model.load(tmp_path / "backward")
    assert backward.config.direction == "backward"
    assert forward.shares_words(backward)
    assert not torch.equal(
        forward.weights["lstm.weight_hh_l0"], backward.weights["lstm.weight_hh_l0"]
    )


def test_a_pretraining_goes_on_from_another_one_on_other_texts(tmp_path: Path) -> None:
    others = [f"{text} anyway" for text in texts(40)]
    pretrain(texts(40), QUICK, tmp_path / "general")
    general = language_model.load(tmp_path / "general")
    still = QUICK.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
    pretrain(others, still, tmp_path / "same", pretrained=general)
    assert_same_weights(tmp_path / "general", tmp_path / "same")
    short = QUICK.model_copy(update={"epochs": 1})
    alone = pretrain(others, short, tmp_path / "alone")
    assert pretrain(others, short, tmp_path / "special", pretrained=general) < alone
    assert (
        language_model.load(tmp_path / "special").tokenizer.to_json() == general.tokenizer.to_json()
    )


def test_what_a_pretraining_cannot_go_on_from(tmp_path: Path) -> None:
    pretrain(texts(9), QUICK, tmp_path / "forward")
    forward = language_model.load(tmp_path / "forward")
    turned = QUICK.model_copy(update={"backward": True})
    with pytest.raises(TrainingError, match=r"reads forward, .* is to read backward: leave out"):
        pretrain(texts(9), turned, tmp_path / "out", pretrained=forward)
    with pytest.raises(TrainingError, match="give --pretrained or --embedding-of, and not both"):
        pretrain(texts(9), QUICK, tmp_path / "out", pretrained=forward, embedding_of=forward)
    wider = QUICK.model_copy(update={"hidden_size": 24})
    wider = type(QUICK).model_validate(wider.model_dump())
    with pytest.raises(TrainingError, match=r"The .* of the pretrained model is"):
        pretrain(texts(9), wider, tmp_path / "out", pretrained=forward)
    assert not (tmp_path / "out").exists()


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("where", ["in an epoch", "at its end", "after the last"])
def test_an_interrupted_run_continues_to_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", -1)
    pretrain(texts(60), QUICK, tmp_path / "whole")

    def on_step(report: StepReport) -> None:
        if where == "in an epoch" and report.step == report.steps // 2:
            raise Interrupted

    def on_epoch(report: PretrainingEpoch) -> None:
        if report.epoch == {"at its end": 1, "after the last": 3}.get(where):
            raise Interrupted

    callbacks = Callbacks(on_step=on_step, on_epoch=on_epoch)
    with pytest.raises(Interrupted):
        pretrain(texts(60), QUICK, tmp_path / "cut", callbacks=callbacks)
    starts: list[str] = []
    callbacks = Callbacks(on_start=starts.append)
    pretrain(texts(60), QUICK, tmp_path / "cut", callbacks=callbacks)
    assert "continued at step" in starts[0]
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")


def test_a_killed_process_continues_to_the_same_model(tmp_path: Path) -> None:
    """kill -9 at a step, after others that have left a checkpoint."""
    program = """
import os, signal, sys
from pathlib import Path
from conveyor.model.training import checkpoint
from conveyor.model.training.callbacks import Callbacks
from conveyor.model.training.pretrain import pretrain
from tests.model.training.test_pretrain import QUICK, texts
checkpoint.CHECKPOINT_SECONDS = -1
def die(report):
    if report.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
pretrain(texts(60), QUICK, Path(sys.argv[1]), callbacks=Callbacks(on_step=die))
"""
    pretrain(texts(60), QUICK, tmp_path / "whole")
    command = [sys.executable, "-c", program, str(tmp_path / "cut")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    starts: list[str] = []
    pretrain(texts(60), QUICK, tmp_path / "cut", callbacks=Callbacks(on_start=starts.append))
    assert "continued at step" in starts[0]
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")


def test_another_run_s_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", -1)

    def interrupt(report: StepReport) -> None:
        if report.step == 2:
            raise Interrupted

    callbacks = Callbacks[PretrainingEpoch](on_step=interrupt)
    with pytest.raises(Interrupted):
        pretrain(texts(60), QUICK, tmp_path, callbacks=callbacks)
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        pretrain(texts(59), QUICK, tmp_path)
    with pytest.raises(TrainingError, match="belongs to a run with other data or settings"):
        pretrain(texts(60), QUICK.model_copy(update={"seed": 9}), tmp_path)


def test_one_text_is_too_few_and_two_are_enough(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="one text alone: pretraining needs another"):
        pretrain(["a"], QUICK, tmp_path)
    assert pretrain(["", "a a"], QUICK, tmp_path) > 0
