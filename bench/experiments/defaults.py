"""Compare `conveyor train` without flags with n-grams and fastText.

`python bench/experiments/defaults.py --data DIR`: DIR holds the files that TABLES names. Of each
table, all texts or some of each label are drawn; all three learn from the same, and are judged on
the official test split without the texts that also stand in the training split. What has a saved
run is not run again. fastText is the package fasttext-wheel.
"""

import argparse
import csv
import math
import multiprocessing
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch

from bench.experiments.run import WORK, locked, train
from bench.experiments.saved import DEFAULTS, DefaultRun, load, save
from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example, read_examples
from conveyor.model.evaluation.metrics import evaluate
from conveyor.model.evaluation.ngrams import evaluate_ngrams, fit_ngrams

# Texts of each label; None: all that there are.
SIZES = (None, 50, 10)
SEEDS = (0, 1, 2)
# The better of two settings for two of three tables; with its own defaults it is right about fewer.
FASTTEXT = {"epoch": 50, "lr": 0.5, "wordNgrams": 2, "thread": 1, "verbose": 0}
# Characters of scripts without spaces, which fastText would take for one word.
UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")


@dataclass(frozen=True)
class Table:
    """Training and test files, each line a label, a tab and a text."""

    name: str
    title: str
    train: str
    test: str


TABLES = (
    Table("clinc150", "CLINC150, in scope", "clinc150/train.tsv", "clinc150/test.tsv"),
    Table("trec6", "TREC-6", "trec6/train.tsv", "trec6/test.tsv"),
    Table("sst2", "SST-2, sentences alone", "sst2/train.tsv", "sst2/test.tsv"),
    Table("chnsenticorp", "ChnSentiCorp", "chnsenticorp/train.tsv", "chnsenticorp/test.tsv"),
)
# A table, and its texts of each label.
Cell = tuple[Table, int | None]
RIVALS = ("ngrams", "fasttext")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="runs, such as trec6-50-0 or sst2-all"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, a core each")
    parser.add_argument("--work", type=Path, default=WORK, help=f"by default {WORK}")
    parser.add_argument("--runs", type=Path, default=DEFAULTS, help="folder of the saved runs")
    arguments = parser.parse_args()
    data, work = arguments.data.resolve(), arguments.work.resolve()
    kinds = [(table, size, seed) for seed in SEEDS for size in SIZES for table in TABLES]
    wanted = [kind for kind in kinds if run_name(*kind).startswith(tuple(arguments.names) or "")]
    context = multiprocessing.get_context("spawn")  # torch and fork do not go together
    with ProcessPoolExecutor(arguments.jobs, context) as pool:
        jobs = {pool.submit(perform, *kind, data, work, arguments.runs): kind for kind in wanted}
        for job in as_completed(jobs):
            run = job.result()
            print(
                f"{run_name(*jobs[job])}: {run.ours:.2%}, n-grams {run.ngrams:.2%}, "
                f"fastText {run.fasttext:.2%}, {run.seconds:.0f} s",
                flush=True,
            )


def saved(folder: Path = DEFAULTS) -> dict[Cell, list[DefaultRun]]:
    """Load the saved runs of all seeds, by table and texts of each label.

    Raises ValueError for a file that is not as it should be.
    """
    cells = {}
    for table in TABLES:
        for size in SIZES:
            paths = (folder / f"{run_name(table, size, seed)}.json" for seed in SEEDS)
            runs = [run for run in (load(path, DefaultRun) for path in paths) if run]
            if runs:
                cells[table, size] = runs
    return cells


def verdict(runs: Sequence[DefaultRun]) -> str:
    """Say how ours does beside the better of the two others; within a standard error, as well."""
    ours, *others = (mean(getattr(run, name) for run in runs) for name in ("ours", *RIVALS))
    error = math.sqrt(ours * (1 - ours) / runs[0].test_texts)
    points = (ours - max(others)) * 100
    if abs(points) <= error * 100:
        return "equal"
    return f"better by {points:.1f}" if points > 0 else f"worse by {-points:.1f}"


def run_name(table: Table, size: int | None, seed: int) -> str:
    """Name a saved run."""
    return f"{table.name}-{size or 'all'}-{seed}"


def perform(
    table: Table, size: int | None, seed: int, data: Path, work: Path, runs: Path
) -> DefaultRun:
    """Load the saved run; make and save it if there is none."""
    name = run_name(table, size, seed)
    done = load(runs / f"{name}.json", DefaultRun)
    if done:
        return done
    known = read_examples(str(data / table.train))
    texts = {example.text for example in known}
    test = [e for e in read_examples(str(data / table.test)) if e.text not in texts]
    examples = drawn(known, size, seed)
    folder = work / f"default-{name}"
    model, file = folder / "model", folder / "train.csv"
    with locked(folder):
        write_csv(file, examples)
        command = ["train", "--data", str(file), "--seed", str(seed), "--out", str(model)]
        training = train(command, folder, model)
    labels = sorted({example.label for example in examples})
    run = DefaultRun(
        table=table.name,
        texts_a_label=size,
        seed=seed,
        texts=len(examples),
        test_texts=len(test),
        ours=evaluate(storage.load(model).classifier, test).accuracy,
        ngrams=evaluate_ngrams(fit_ngrams(examples, labels, {}), test, labels, {}).accuracy,
        fasttext=fasttext_accuracy(examples, test),
        seconds=training.seconds,
        torch=torch.__version__,
    )
    save(runs / f"{name}.json", run)
    return run


def drawn(examples: Sequence[Example], size: int | None, seed: int) -> list[Example]:
    """Draw so many examples of each label, or take all."""
    if size is None:
        return list(examples)
    by_label: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    rng = random.Random(seed)
    return [e for label in sorted(by_label) for e in rng.sample(by_label[label], size)]


def write_csv(path: Path, examples: Sequence[Example]) -> None:
    """Write them as a user would have them."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["label", "text"])
        rows.writerows((example.label, example.text) for example in examples)


def fasttext_accuracy(examples: Sequence[Example], test: Sequence[Example]) -> float:
    """Train fastText and judge it."""
    import fasttext  # noqa: PLC0415 - no dependency of the project

    ids = {label: str(n) for n, label in enumerate(sorted({e.label for e in examples}))}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"__label__{ids[e.label]} {_words(e.text)}\n" for e in examples)
        file.flush()
        model = fasttext.train_supervised(file.name, **FASTTEXT)
    # Its Python wrapper asks NumPy 2 for what that no longer gives.
    said = [model.f.predict(f"{_words(e.text)}\n", 1, 0.0, "strict") for e in test]
    truth = [f"__label__{ids[e.label]}" for e in test]
    return sum([label for _, label in best] == [t] for best, t in zip(said, truth, strict=True)) / (
        len(test)
    )


def _words(text: str) -> str:
    return " ".join(UNSPACED.sub(r" \1 ", text.lower()).split())


if __name__ == "__main__":
    main()
