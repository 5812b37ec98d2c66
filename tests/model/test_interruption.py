"""A signal is noted, and the work ends at the next piece: nothing can drop it."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import typer

from conveyor.model import interruption
from conveyor.model.evaluation.metrics import evaluate
from conveyor.model.interruption import SIGNALS, Interrupted, interruptible
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.callbacks import Callbacks
from conveyor.model.training.checkpoint import CHECKPOINT
from conveyor.model.training.pretrain import pretrain
from conveyor.model.training.train import train
from conveyor.model.verification.check import check
from tests.conftest import TINY, random_classifier, reviews
from tests.model.training.test_pretrain import QUICK, texts


def exit_code(work: Callable[[], object], says: str = "") -> int:
    """Run what is to be interrupted."""
    with pytest.raises(typer.Exit) as end, interruptible(lambda: says):
        work()
    return end.value.exit_code


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_told_by_the_exit_code(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    done = []

    def work() -> None:
        for item in interruption.watched(range(5)):
            done.append(item)
            if item == 2:
                os.kill(os.getpid(), number)

    assert exit_code(work, "It goes on.") == 128 + number
    assert done == [0, 1, 2]
    assert capsys.readouterr().err == "conveyor: Interrupted. It goes on.\n"
    assert signal.getsignal(number) is before
    interruption.check()  # it is over


def test_it_is_kept_where_python_would_drop_it() -> None:
    """What a destructor or a garbage collector's callback raises is printed and forgotten."""

    class Dropping:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(10_000))

    def callback(phase: str, _info: dict[str, int]) -> None:
        if phase == "stop":
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(10_000))

    def work() -> None:
        Dropping()
        interruption.check()

    def collect() -> None:
        gc.callbacks.append(callback)
        gc.collect()
        gc.callbacks.remove(callback)
        interruption.check()

    assert exit_code(work) == exit_code(collect) == 130


def test_it_goes_through_the_library_that_learns_tokens() -> None:
    def some() -> Iterator[str]:
        yield "a film"
        os.kill(os.getpid(), signal.SIGINT)
        yield from ["a film"] * 1000

    def work() -> None:
        Tokenizer.train(interruption.watched(some()), "word", 100)  # which may drop it
        interruption.check()

    assert exit_code(work) == 130


def test_a_second_signal_ends_the_process_at_once() -> None:
    program = """
import os, signal
from conveyor.model.interruption import interruptible
with interruptible():
    os.kill(os.getpid(), signal.SIGINT)
    print("first", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("second", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, b"first\n")


def test_signals_that_are_to_be_ignored_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `nohup` and shells want it of what runs in the background."""

    def both() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        interruption.check()

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            interruption.check()
        assert exit_code(both) == 143
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(interruption, "_noted", [signal.SIGTERM])
    with pytest.raises(Interrupted):
        interruption.check()


def test_a_training_stops_at_the_next_step_with_its_checkpoint(tmp_path: Path) -> None:
    examples = reviews(60)
    expected = train(examples, TINY, tmp_path / "whole")
    steps = []

    def on_step(report: object) -> None:
        steps.append(report)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(typer.Exit), interruptible():
        train(examples, TINY, tmp_path / "cut", callbacks=Callbacks(on_step=on_step))
    assert len(steps) == 3
    told: list[str] = []
    found = train(examples, TINY, tmp_path / "cut", callbacks=Callbacks(on_start=told.append))
    assert "continued at step 3" in told[0]
    assert str(found) == str(expected)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_a_pretraining_stops_at_the_next_step_with_its_checkpoint(tmp_path: Path) -> None:
    steps = []

    def on_step(report: object) -> None:
        steps.append(report)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(typer.Exit), interruptible():
        pretrain(texts(30), QUICK, tmp_path, callbacks=Callbacks(on_step=on_step))
    assert len(steps) == 1
    assert (tmp_path / CHECKPOINT).exists()
    told: list[str] = []
    pretrain(texts(30), QUICK, tmp_path, callbacks=Callbacks(on_start=told.append))
    assert "continued at step 1" in told[0]


def test_an_evaluation_and_a_check_stop_too(trained: Path) -> None:
    def interrupted(work: Callable[[], object]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        work()

    evaluating = partial(evaluate, random_classifier(), reviews(10))
    for work in (evaluating, lambda: list(check(trained))):
        assert exit_code(partial(interrupted, work)) == 130
