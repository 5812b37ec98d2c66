"""The runner of the experiments, on the tiny language: real processes, real models."""

import fcntl
import gzip
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bench.experiments import measure as measuring
from bench.experiments import run as running
from bench.experiments.plan import PLAN, DataSet, Experiment
from bench.experiments.run import ROOT, Clock, RunError, _start_clock, arguments, main, perform
from bench.experiments.saved import SavedRun, load, load_runs, save, seeds
from conveyor.model.artifact import model_files, storage
from conveyor.model.data.examples import read_examples
from conveyor.model.evaluation.metrics import evaluate
from conveyor.model.training.checkpoint import CHECKPOINT
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.types import spelled
from tests.conftest import reviews
from tests.process import until

TINY = DataSet("reviews", ("tiny/train.tsv",), "tiny/test.tsv")
SIZES = "--embedding-dim 12 --hidden-size 8 --learning-rate 0.02 --dropout 0.1"
QUICK = Experiment("quick", "LSTM", TINY, f"--epochs 4 {SIZES}", seeds=(3,))
LONGER = Experiment("longer", "LSTM", TINY, f"--epochs 10 --patience 10 {SIZES}", seeds=(0,))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "tiny").mkdir(parents=True)
    for name, count, seed in (("train", 1500, 0), ("test", 60, 1)):
        rows = [f"{example.label}\t{example.text}\n" for example in reviews(count, seed)]
        (folder / "tiny" / f"{name}.tsv").write_text("".join(rows))
    return folder


def test_a_run_is_trained_judged_and_saved_once(tmp_path: Path, data: Path) -> None:
    work, runs = tmp_path / "work", tmp_path / "runs"
    run = perform(QUICK, 3, data, work, runs)
    assert load_runs(QUICK, runs) == [run]
    assert run.command == (
        f"conveyor train --data tiny/train.tsv --epochs 4 {SIZES} --seed 3 --out quick-3"
    )
    assert run.training is not None
    assert (run.training.texts, run.training.resumed) == (1350, 0)
    assert run.training.seconds > 0.1
    assert run.training.held_out_accuracy is not None
    assert run.training.held_out_accuracy > 0.9
    model = work / "quick-3" / "model"
    examples = read_examples(str(data / "tiny" / "test.tsv"))
    judged = evaluate(storage.load(model).classifier, examples)
    assert run.labels == judged.labels == ("blame", "praise")
    assert run.accuracy == judged.accuracy
    assert np.array_equal(run.confusion, judged.confusion)
    assert run.calibration_error == pytest.approx(judged.calibration_error)
    gaps = [abs(bin_.confidence * bin_.texts - bin_.right) for bin_ in run.calibration]
    assert sum(gaps) / run.texts == pytest.approx(run.calibration_error)
    assert run.parameters.formula == "4*8*(8+12)"
    assert run.parameters.by_formula == 640
    assert run.artifact_bytes == sum(path.stat().st_size for path in model.iterdir())

    # What is saved is not made again, and what is trained is not trained again.
    (model / model_files.WEIGHTS).rename(work / "away")
    assert perform(QUICK, 3, data, work, runs) == run
    (work / "away").rename(model / model_files.WEIGHTS)
    (runs / "quick-3.json").unlink()
    again = perform(QUICK, 3, data, work, runs)
    assert again.training == run.training
    assert again.accuracy == run.accuracy


def test_an_interrupted_training_goes_on_from_its_checkpoint(tmp_path: Path, data: Path) -> None:
    """`kill -9` of the runner and of its training, as a crash would do it."""
    places = [data, tmp_path / "work", tmp_path / "runs"]
    program = (
        "import sys; from pathlib import Path; from bench.experiments.run import perform; "
        "from tests.bench.test_run import LONGER; perform(LONGER, 0, *map(Path, sys.argv[1:]))"
    )
    runner = subprocess.Popen([sys.executable, "-c", program, *places], start_new_session=True)
    folder = tmp_path / "work" / "longer-0"
    until(lambda: (folder / "model" / CHECKPOINT).exists() or runner.poll() is not None)
    assert runner.poll() is None
    with pytest.raises(RunError, match="being worked on by another process"):
        perform(LONGER, 0, *places)
    os.killpg(runner.pid, signal.SIGKILL)
    runner.wait()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # free as soon as the training is dead as well
    assert not (folder / "model" / model_files.CONFIG).exists()
    run = perform(LONGER, 0, *places)
    assert "continued at step" in (folder / "log").read_text()
    clock = load(folder / "clock.json", Clock)
    assert run.training is not None
    assert clock is not None
    assert run.training.resumed == clock.resumed == 1
    assert run.training.seconds > clock.earlier > 0.1


def test_the_clock_counts_what_lasted(tmp_path: Path) -> None:
    checkpoint = tmp_path / CHECKPOINT
    first = Clock(started=1000.0)
    assert _start_clock(first, checkpoint).earlier == 0  # nothing was left: begun anew
    checkpoint.touch()
    os.utime(checkpoint, (1060.0, 1060.0))
    second = _start_clock(first, checkpoint)
    assert (second.earlier, second.resumed) == (60.0, 1)
    # Interrupted again, before it came to a checkpoint of its own.
    third = _start_clock(second, checkpoint)
    assert (third.earlier, third.resumed) == (60.0, 1)
    os.utime(checkpoint, (third.started + 5, third.started + 5))
    assert _start_clock(third, checkpoint).earlier == pytest.approx(65.0)
    assert _start_clock(third, checkpoint).resumed == 2


def test_a_training_that_fails_says_where_to_look(tmp_path: Path, data: Path) -> None:
    wrong = Experiment("wrong", "LSTM", TINY, "--dropout 2", seeds=(0,))
    with pytest.raises(RunError, match=r"ended with 1: .*log says why"):
        perform(wrong, 0, data, tmp_path / "work", tmp_path / "runs")
    assert "--dropout should be less than 1" in (tmp_path / "work/wrong-0/log").read_text()
    assert not (tmp_path / "runs").exists()


def test_a_model_that_is_there_is_only_judged(tmp_path: Path, data: Path, trained: Path) -> None:
    ready = Experiment("ready", "the model", TINY, model=str(trained))
    [seed] = seeds(ready)
    run = perform(ready, seed, data, tmp_path / "work", tmp_path / "runs")
    assert (run.seed, run.training) == (None, None)
    assert run.command == f"conveyor evaluate {trained} --data tiny/test.tsv"
    assert load(tmp_path / "runs" / "ready.json", SavedRun) == run
    assert not (tmp_path / "work").exists()


def test_the_command_runs_what_it_is_asked_for(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (tmp_path / "imdb").mkdir()
    with gzip.open(tmp_path / "imdb" / "test.tsv.gz", "wt") as file:
        file.write("neg\tA dull film, awful.\npos\tA wonderful film!\nneg\tBoring.\npos\tGreat.\n")
    command: list[str | Path] = ["shipped", "--data", tmp_path, "--runs", runs]
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "experiments" / "run.py", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "shipped: right about 100.00% of 4 texts\n"
    assert [path.name for path in runs.iterdir()] == ["shipped.json"]


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int | str | None:
    """Run the command in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["run.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_a_run_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: None)
    monkeypatch.setattr(running, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    assert ended(monkeypatch, "shipped", "--data", tmp_path, "--runs", tmp_path / "runs") == 1
    said = capsys.readouterr().out
    assert said.startswith("shipped: ")
    assert "test.tsv.gz cannot be read" in said


def test_an_unknown_experiment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, "nothing", "--data", tmp_path) == 2
    assert "there is no nothing, only imdb-rnn, " in capsys.readouterr().err


def test_of_many_labels_the_mistakes_are_kept(
    data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "FEW_LABELS", 1)
    test = data / "tiny" / "test.tsv"
    turned = {"blame": "praise", "praise": "blame"}
    wrong = [f"{turned[e.label]}\t{e.text}\n" for e in read_examples(str(test))]
    test.write_text("".join(wrong))
    measures = measuring.measure(trained, test)
    assert measures["confusion"] == ()
    counts = [mistake.texts for mistake in measures["mistakes"]]
    assert sum(counts) == round(60 * (1 - measures["accuracy"])) > 50
    assert counts == sorted(counts, reverse=True)


def valid_run() -> dict[str, object]:
    none = {"texts": 0, "confidence": 0.0, "right": 0}
    return {
        "experiment": "quick",
        "seed": 0,
        "command": "conveyor train",
        "training": {"texts": 9, "seconds": 1.5, "resumed": 0, "held_out_accuracy": None},
        "labels": ["a", "b"],
        "texts": 4,
        "accuracy": 0.75,
        "confusion": [[2, 0], [1, 1]],
        "mistakes": [{"true": "b", "predicted": "a", "texts": 1}],
        "calibration": [none] * 14 + [{"texts": 4, "confidence": 0.95, "right": 3}],
        "calibration_error": 0.2,
        "parameters": {"formula": "4*8*(8+12)", "by_formula": 640, "total": 1000},
        "artifact_bytes": 1000,
        "torch": "2.13.0",
        "cores": 2,
    }


def test_a_saved_run_is_read_back(tmp_path: Path) -> None:
    run = SavedRun.model_validate_json(json.dumps(valid_run()))
    save(tmp_path / "deep" / "quick-0.json", run)
    assert load_runs(QUICK, tmp_path / "deep") == []  # another seed
    assert load(tmp_path / "deep" / "quick-0.json", SavedRun) == run


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"accuracy": 0.8}, "accuracy must be the share"),
        ({"accuracy": "0.75"}, "accuracy: Input should be a valid number"),
        ({"accuracy": float("nan")}, "accuracy: "),
        ({"texts": 5}, "must hold all texts"),
        ({"calibration": []}, "calibration: "),
        ({"confusion": [[2, 0]]}, "a row and a column for each label"),
        ({"confusion": [[2, 0], [1, 2]]}, "must count all texts"),
        ({"confusion": [[2, 0], [-1, 1]]}, r"confusion.1.0: .*greater than or equal to 0"),
        ({"cores": 0}, "cores: "),
        ({"note": "by hand"}, "note: Extra inputs are not permitted"),
        ({"training": {"texts": 9}}, "training.seconds: Field required"),
    ],
)
def test_garbage_is_no_saved_run(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "quick-3.json"
    path.write_text(json.dumps(valid_run() | change))
    with pytest.raises(ValueError, match=f"{path} is not valid: .*{says}"):
        load_runs(QUICK, tmp_path)


@pytest.mark.parametrize("experiment", PLAN, ids=lambda experiment: experiment.name)
def test_the_plan_s_flags_are_flags(experiment: Experiment) -> None:
    """The training would say so too, but only when the others are done."""
    known = {spelled(name) for name in TrainingSettings.model_fields}
    known |= {"--data", "--validation-data", "--out", "--pretrained", "--recipe", "--rename-label"}
    words = arguments(experiment, 0, Path("data"), Path("out"))
    assert {word for word in words if word.startswith("--")} <= known
    for start, path in itertools.pairwise(words):
        assert start != "--pretrained" or Path(path, "pretrained.json").exists()
    assert not experiment.model or Path(experiment.model, model_files.CONFIG).exists()


def test_no_two_experiments_share_a_name() -> None:
    assert len({experiment.name for experiment in PLAN}) == len(PLAN)
