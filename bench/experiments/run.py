"""Train and judge what has no saved run yet: `python bench/experiments/run.py --data DIR`.

DIR holds the data sets' files by the paths in plan.py. What is being trained lies in a work folder:
run again after an interruption, the command continues from there. Models stay in it.
"""

import argparse
import fcntl
import multiprocessing
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from bench.experiments.measure import measure
from bench.experiments.plan import PLAN, Experiment
from bench.experiments.saved import RUNS, Saved, SavedRun, Training, load, run_name, save, seeds
from conveyor.model.artifact import model_files
from conveyor.model.training.checkpoint import CHECKPOINT

ROOT = Path(__file__).parents[2]
WORK = Path(tempfile.gettempdir()) / "conveyor-experiments"


class RunError(Exception):
    """A run that failed, in one sentence."""


class Clock(Saved):
    """The start of the training under way, and the seconds of interrupted ones before it."""

    started: float  # seconds since 1970
    earlier: float = 0.0
    resumed: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; by default all")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, a core each")
    parser.add_argument("--work", type=Path, default=WORK, help=f"by default {WORK}")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the saved runs")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - {experiment.name for experiment in PLAN})
    if unknown:
        parser.error(f"there is no {unknown[0]}, only {', '.join(e.name for e in PLAN)}")
    data, work = arguments.data.resolve(), arguments.work.resolve()
    wanted = [e for e in PLAN if e.name in arguments.names or not arguments.names]
    context = multiprocessing.get_context("spawn")  # torch and fork do not go together
    failed = False
    with ProcessPoolExecutor(arguments.jobs, context) as pool:
        jobs = {
            pool.submit(perform, experiment, seed, data, work, arguments.runs): (experiment, seed)
            for experiment in wanted
            for seed in seeds(experiment)
        }
        for job in as_completed(jobs):
            name = run_name(*jobs[job])
            error = job.exception()
            failed |= error is not None
            print(f"{name}: {error or _describe(job.result())}", flush=True)
    sys.exit(failed)


def perform(
    experiment: Experiment, seed: int | None, data: Path, work: Path, runs: Path
) -> SavedRun:
    """Load the saved run; make and save it if there is none.

    Raises RunError, ModelError, and ValueError for a saved run that is broken.
    """
    name = run_name(experiment, seed)
    done = load(runs / f"{name}.json", SavedRun)
    if done:
        return done
    training = None
    if seed is None:
        model = ROOT / experiment.model
        command = f"conveyor evaluate {experiment.model} --data {experiment.data.test}"
    else:
        folder = work / name
        model = folder / "model"
        command = shlex.join(["conveyor", *arguments(experiment, seed, Path(), Path(name))])
        with locked(folder):
            training = train(arguments(experiment, seed, data, model), folder, model)
    run = SavedRun(
        experiment=experiment.name,
        seed=seed,
        command=command,
        training=training,
        **measure(model, data / experiment.data.test),
    )
    save(runs / f"{name}.json", run)
    return run


def arguments(experiment: Experiment, seed: int, data: Path, out: Path) -> list[str]:
    """Build the arguments of `conveyor`."""
    files = experiment.data
    train = [word for file in files.train for word in ("--data", str(data / file))]
    held_out = ["--validation-data", str(data / files.validation)] if files.validation else []
    return [
        *("train", *train, *held_out, *shlex.split(experiment.flags)),
        *("--seed", str(seed), "--out", str(out)),
    ]


def train(command: list[str], folder: Path, model: Path) -> Training:
    """Train on one core, from the checkpoint if there is one, unless it is done already."""
    path = folder / "clock.json"
    if not (model / model_files.CONFIG).exists():
        save(path, _start_clock(load(path, Clock), model / CHECKPOINT))
        with (folder / "log").open("a") as log:
            done = subprocess.run(
                [sys.executable, "-m", "conveyor.service.cli", *command],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                close_fds=False,  # the lock holds as long as the training lives
            )
        if done.returncode != 0:
            raise RunError(
                f"conveyor train ended with {done.returncode}: {folder / 'log'} says why."
            )
    clock = load(path, Clock)
    if clock is None:
        raise RunError(f"{path} is missing: delete {folder} to train anew.")
    texts, accuracy = _read_card((model / model_files.CARD).read_text())
    return Training(
        texts=texts,
        # config.json is written last.
        seconds=clock.earlier + (model / model_files.CONFIG).stat().st_mtime - clock.started,
        resumed=clock.resumed,
        held_out_accuracy=accuracy,
    )


def _start_clock(last: Clock | None, checkpoint: Path) -> Clock:
    """Make the clock of a training that starts now; an interrupted one has left a checkpoint."""
    if last is None or not checkpoint.exists():
        return Clock(started=time.time())
    # A training that did not come to a checkpoint of its own has done nothing that lasts.
    worked = checkpoint.stat().st_mtime - last.started
    if worked <= 0:
        return last.model_copy(update={"started": time.time()})
    return Clock(started=time.time(), earlier=last.earlier + worked, resumed=last.resumed + 1)


def _read_card(card: str) -> tuple[int, float | None]:
    """Read the number of training texts and the held-out accuracy from the model card."""
    texts = re.search(r"^Trained on ([\d,]+) texts", card, re.MULTILINE)
    accuracy = re.search(r"^Accuracy on .* held-out texts.*?: \*\*([\d.]+)\*\*", card, re.MULTILINE)
    if not texts:
        raise RunError("The model card does not say how many texts there were.")
    return int(texts[1].replace(",", "")), float(accuracy[1]) if accuracy else None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder against other trainings, even one whose parent was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{folder} is being worked on by another process.") from None
        os.set_inheritable(lock.fileno(), True)
        yield


def _describe(run: SavedRun) -> str:
    trained = f"trained in {run.training.seconds:,.0f} s, " if run.training else ""
    return f"{trained}right about {run.accuracy:.2%} of {run.texts:,} texts"


if __name__ == "__main__":
    main()
