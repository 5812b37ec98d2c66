"""The writer of docs/results.md and its figures: `python bench/experiments/report.py`.

The text is the template results.md.j2; here are the numbers in it. What has no saved run is left
out. Every number in a sentence comes from a run, and a comparison is only made where the runs carry
it.
"""

import re
import statistics
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes

from bench.experiments import defaults, plots
from bench.experiments.plan import (
    BUDGET,
    FAMILY,
    IMDB,
    LAST,
    OTHERS,
    SENTENCES,
    SHIPPED,
    SST2,
    Experiment,
)
from bench.experiments.plots import CELLS, STATES
from bench.experiments.saved import (
    DEFAULTS,
    RUNS,
    DefaultRun,
    Memory,
    Recall,
    Retention,
    SavedRun,
    Speed,
    load,
    load_runs,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "results.md"
TEMPLATE = Path(__file__).with_name("results.md.j2")

FIGURES = {
    "GRADIENTS": "results/gradients.svg",
    "RETENTION": "results/retention.svg",
    "RECALL": "results/recall.svg",
    "CONFUSION": "results/confusion.svg",
    "CALIBRATION": "results/calibration.svg",
}

WIDTH = 105

# Of the words that are asked for, those that count as remembered.
REMEMBERED = 0.9

Draw = Callable[[Axes], None]
Row = tuple[Experiment, list[SavedRun]]


@dataclass(frozen=True)
class Results:
    """All saved runs and measurements; None or an empty list where there are none."""

    family: list[Row]
    last: list[Row]
    others: list[Row]
    defaults: dict[defaults.Cell, list[DefaultRun]]
    shipped: SavedRun | None
    sentences: SavedRun | None
    memory: Memory | None
    recall: Recall | None
    speed: Speed | None

    @classmethod
    def saved(cls, folder: Path = RUNS) -> "Results":
        """Read all in this folder. Raises ValueError for a file that is not as it should be."""

        def rows(experiments: Iterable[Experiment]) -> list[Row]:
            pairs = ((experiment, load_runs(experiment, folder)) for experiment in experiments)
            return [(experiment, runs) for experiment, runs in pairs if runs]

        shipped, sentences = (load_runs(each, folder) for each in (SHIPPED, SENTENCES))
        return cls(
            family=rows(FAMILY),
            last=rows(LAST),
            others=rows(OTHERS),
            defaults=defaults.saved(folder / DEFAULTS.name),
            shipped=shipped[0] if shipped else None,
            sentences=sentences[0] if sentences else None,
            memory=load(folder / "memory.json", Memory),
            recall=load(folder / "recall.json", Recall),
            speed=load(folder / "speed.json", Speed),
        )


class Comparison(NamedTuple):
    """The titles of the best network and the second, and how sure their order is."""

    best: str
    second: str
    points: float  # of accuracy, in percent
    certain: bool  # the worst seed of one is better than the best of the other


def main() -> None:
    results = Results.saved()
    DOCUMENT.write_text(render(results))
    for name, draw in figures(results).items():
        plots.write(DOCUMENT.parent / name, draw)
    print(f"written to {DOCUMENT}")


def render(results: Results) -> str:
    """Make the text of docs/results.md."""
    family = [run for _, runs in results.family for run in runs]
    others = [run for _, runs in (*results.last, *results.others) for run in runs]
    trainings = [run.training for run in family if run.training]
    recalled = accuracies(results.recall) if results.recall else {}
    environment = _environment(results.speed)
    page = environment.get_template(TEMPLATE.name).render(
        vars(results),
        all_runs=[*family, *others],
        budget=BUDGET,
        cells=CELLS,
        comparison=compare(results.family),
        imdb=IMDB,
        sst2=SST2,
        lengths=sorted({length for by_length in recalled.values() for length in by_length}),
        remembered=recalled,
        resumed=sum(training.resumed > 0 for training in trainings),
        states=STATES,
        trainings=trainings,
        REMEMBERED=REMEMBERED,
        **FIGURES,
    )
    return re.sub(r"\n{3,}", "\n\n", page).replace("|  |", "| |").strip() + "\n"


def figures(results: Results) -> dict[str, Draw]:
    """Give each figure by its path from docs/."""
    drawn: dict[str, Draw] = {}
    if results.memory:
        drawn[FIGURES["GRADIENTS"]] = partial(plots.gradients, memory=results.memory)
        drawn[FIGURES["RETENTION"]] = partial(plots.retention, memory=results.memory)
    if results.recall:
        drawn[FIGURES["RECALL"]] = partial(plots.recall, results=results.recall)
    if results.shipped:
        drawn[FIGURES["CONFUSION"]] = partial(plots.confusion, run=results.shipped)
        drawn[FIGURES["CALIBRATION"]] = partial(plots.calibration, run=results.shipped)
    return drawn


def compare(rows: Sequence[Row]) -> Comparison | None:
    """Compare the best network with the second; None if there is only one."""
    if len(rows) < 2:  # noqa: PLR2004 - a comparison takes two
        return None
    (best, runs), (second, others), *_ = sorted(rows, key=lambda row: -mean_accuracy(row[1]))
    return Comparison(
        best=best.title,
        second=second.title,
        points=(mean_accuracy(runs) - mean_accuracy(others)) * 100,
        certain=min(run.accuracy for run in runs) > max(run.accuracy for run in others),
    )


def accuracies(recall: Recall) -> dict[str, dict[int, list[float]]]:
    """Sort the accuracies of the seeds by cell and length; every cell has all lengths."""
    lengths = sorted({result.length for result in recall.results})
    by_cell: dict[str, dict[int, list[float]]] = {}
    for cell, name in CELLS.items():
        results = [result for result in recall.results if result.cell == cell]
        if results:
            by_cell[name] = {
                length: [result.accuracy for result in results if result.length == length]
                for length in lengths
            }
    return by_cell


def mean_accuracy(runs: Sequence[SavedRun]) -> float:
    """Average over the seeds."""
    return statistics.mean(run.accuracy for run in runs)


def _environment(speed: Speed | None) -> Environment:
    """Prepare the template's filters."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "accuracy": lambda runs: _spread([run.accuracy for run in runs], 2),
        "beside": defaults.verdict,
        "decimals": lambda value, count: f"{value:.{count}f}",
        "forgotten": _forgotten,
        "item": lambda text: _fill(f"- {text}", indent="  "),
        "listed": _listed,
        "mean": lambda runs, name: f"{statistics.mean(getattr(run, name) for run in runs):.1%}",
        "minutes": _minutes,
        "overconfidence": _overconfidence,
        "paragraph": _fill,
        "percent": lambda value, decimals: f"{value:.{decimals}%}",
        "reach": _reach,
        "share": _share,
        "spread": _spread,
        "texts_per_second": partial(_texts_per_second, speed),
        "thousands": lambda value: f"{value:,}",
        "word": lambda trained: "trained" if trained else "untrained",
    }
    return environment


def _fill(text: str, indent: str = "") -> str:
    """Break a paragraph into lines; ends with a line end."""
    return (
        textwrap.fill(
            " ".join(text.split()),
            WIDTH,
            break_long_words=False,
            break_on_hyphens=False,
            subsequent_indent=indent,
        )
        + "\n"
    )


def _minutes(runs: Iterable[SavedRun]) -> str:
    """Average how long the trainings took."""
    return f"{statistics.mean(run.training.seconds for run in runs if run.training) / 60:.1f}"


def _texts_per_second(speed: Speed | None, experiment: str) -> str:
    """Look up how fast a network reads; empty if it was not measured."""
    read = speed.of(experiment) if speed else None
    return f"{read:,.0f}" if read else ""


def _reach(retention: Retention) -> list[str]:
    """Give the steps of each quantile; "all" of them where a value is left at the last one."""
    longest = len(retention.middle) - 1
    return [f"all {longest}" if reach >= longest else f"{reach:.0f}" for reach in retention.reach]


def _forgotten(by_length: Mapping[int, Sequence[float]]) -> list[int]:
    """List the lengths at which there is a seed that does not remember."""
    return [length for length, values in by_length.items() if values and min(values) < REMEMBERED]


def _overconfidence(run: SavedRun) -> float:
    """Subtract the accuracy from the mean confidence."""
    return sum(bin_.texts * bin_.confidence for bin_ in run.calibration) / run.texts - run.accuracy


def _spread(values: Sequence[float], decimals: int) -> str:
    """Give the mean, and the range where there is one."""
    mean = f"{statistics.mean(values):.{decimals}%}"
    low, high = (f"{value * 100:.{decimals}f}" for value in (min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _share(value: float) -> str:
    """Format a share so that it is readable however small it is."""
    if value >= 0.001:  # noqa: PLR2004 - below, a percentage has too many zeros
        return f"{value:.1%}"
    return f"{value:.0e}" if value else "nothing"


def _listed(values: Iterable[object]) -> str:
    """Name each of them once: "a", "a and b", "a, b and c"."""
    *most, last = dict.fromkeys(map(str, values))
    return f"{', '.join(most)} and {last}" if most else last


if __name__ == "__main__":
    main()
