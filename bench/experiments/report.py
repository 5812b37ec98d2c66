"""Write docs/results.md and its figures from the saved runs: `python bench/experiments/report.py`.

What has no saved run is left out. Every number in a sentence comes from a run, and a comparison is
only made where the runs carry it.
"""

import statistics
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes

from bench.experiments import plots
from bench.experiments.plan import BUDGET, FAMILY, IMDB, LAST, OTHERS, SHIPPED, Experiment
from bench.experiments.plots import CELLS, STATES
from bench.experiments.saved import (
    RUNS,
    Gradient,
    Memory,
    Recall,
    Retention,
    SavedRun,
    Speed,
    load,
    load_runs,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "results.md"

GRADIENTS, RETENTION = "results/gradients.svg", "results/retention.svg"
RECALL = "results/recall.svg"
CONFUSION, CALIBRATION = "results/confusion.svg", "results/calibration.svg"

MACHINE = ("torch", "cores")
WIDTH = 105

# Of the words that are asked for, those that count as remembered.
REMEMBERED = 0.9

Draw = Callable[[Axes], None]
Row = tuple[Experiment, list[SavedRun]]


@dataclass(frozen=True)
class Results:
    """All that is saved."""

    family: list[Row]
    last: list[Row]
    others: list[Row]
    shipped: SavedRun | None
    memory: Memory | None
    recall: Recall | None
    speed: Speed | None

    @classmethod
    def saved(cls, folder: Path = RUNS) -> "Results":
        """What is in this folder. Raises ValueError for what is not as it should be."""

        def rows(experiments: Iterable[Experiment]) -> list[Row]:
            pairs = ((experiment, load_runs(experiment, folder)) for experiment in experiments)
            return [(experiment, runs) for experiment, runs in pairs if runs]

        shipped = load_runs(SHIPPED, folder)
        return cls(
            family=rows(FAMILY),
            last=rows(LAST),
            others=rows(OTHERS),
            shipped=shipped[0] if shipped else None,
            memory=load(folder / "memory.json", Memory),
            recall=load(folder / "recall.json", Recall),
            speed=load(folder / "speed.json", Speed),
        )


def main() -> None:
    results = Results.saved()
    DOCUMENT.write_text(render(results))
    for name, draw in figures(results).items():
        plots.write(DOCUMENT.parent / name, draw)
    print(f"written to {DOCUMENT}")


def render(results: Results) -> str:
    """The text of docs/results.md."""
    sections = (
        _introduction(results),
        _family(results.family, results.speed),
        _others(results.others),
        _memory(results.memory, results.last),
        _recall(results.recall),
        _shipped(results.shipped, results.speed),
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


def figures(results: Results) -> dict[str, Draw]:
    """Each figure by its path from docs/."""
    drawn: dict[str, Draw] = {}
    if results.memory:
        drawn[GRADIENTS] = partial(plots.gradients, memory=results.memory)
        drawn[RETENTION] = partial(plots.retention, memory=results.memory)
    if results.recall:
        drawn[RECALL] = partial(plots.recall, results=results.recall)
    if results.shipped:
        drawn[CONFUSION] = partial(plots.confusion, run=results.shipped)
        drawn[CALIBRATION] = partial(plots.calibration, run=results.shipped)
    return drawn


def _introduction(results: Results) -> list[str]:
    blocks = [
        "# Results",
        _paragraph(
            "What courses say of LSTMs, measured with this project.",
            "`DIR` is a folder of data sets, with the files that `bench/experiments/plan.py`",
            "names; each line of them holds a label, a tab and a text.",
        ),
        _block(
            "python bench/experiments/run.py --data DIR",
            "python bench/experiments/memory.py --data DIR",
            "python bench/experiments/recall.py",
            "python bench/experiments/speed.py --data DIR",
            "python bench/experiments/report.py",
        ),
        _paragraph(
            "The first four train, judge, and save what is not saved yet in",
            "`bench/experiments/runs`; the last writes this page from there, with every number",
            "in it.",
        ),
    ]
    runs = [run for _, runs in (*results.family, *results.last, *results.others) for run in runs]
    if runs:
        torch, cores = (_listed(str(getattr(run, name)) for run in runs) for name in MACHINE)
        blocks.append(f"Made with torch {torch}, one core for each run; the machine has {cores}.")
    return blocks


def _family(rows: list[Row], speed: Speed | None) -> list[str]:
    if not rows:
        return []
    trained = [run.training for _, runs in rows for run in runs if run.training]
    resumed = sum(training.resumed > 0 for training in trained)
    return [
        "## The course's networks",
        _paragraph(
            f"Trained on {_listed(f'{training.texts:,}' for training in trained)} IMDB reviews",
            f"with `{BUDGET}`,",
            f"judged on the {rows[0][1][0].texts:,} official test reviews in full.",
            IMDB.leak,
            "Accuracy is the mean over the seeds, with the lowest and the highest.",
            "The formula counts the weights of the recurrent layers alone.",
            "Training is the wall time on one core, without any pretraining; other work ran",
            "beside, so it is at most what a training takes;",
            "texts/s is the speed of predictions on one core, without tokenizing, all in turn.",
            f"{resumed} of the trainings were interrupted: their times are sums."
            if resumed
            else "",
        ),
        _table(
            ("network", "accuracy", "weights", "by formula", "parameters", "training", "texts/s"),
            [
                *(_network(experiment, runs, speed) for experiment, runs in rows),
                *(
                    (f"*{p.name}* ({p.source})", f"{p.accuracy:.2%}", *[""] * 5)
                    for p in IMDB.published
                ),
            ],
        ),
        *_compared(rows),
        _commands(rows),
    ]


def _network(experiment: Experiment, runs: list[SavedRun], speed: Speed | None) -> tuple[str, ...]:
    parameters = runs[0].parameters
    minutes = statistics.mean(run.training.seconds for run in runs if run.training) / 60
    read = speed.of(experiment.name) if speed else None
    return (
        experiment.title,
        _accuracy(runs),
        f"{parameters.by_formula:,}",
        f"`{parameters.formula}`",
        f"{parameters.total:,}",
        f"{minutes:.1f} min",
        f"{read:,.0f}" if read else "",
    )


def _compared(rows: list[Row]) -> list[str]:
    """Which network is best, and whether the seeds leave a doubt."""
    if len(rows) == 1:
        return []
    (best, runs), (second, others), *_ = sorted(rows, key=lambda row: -_mean(row[1]))
    ahead = (_mean(runs) - _mean(others)) * 100
    if min(run.accuracy for run in runs) > max(run.accuracy for run in others):
        doubt = "its worst seed is better than the other's best"
    else:
        doubt = "with these seeds, the difference could be chance"
    return [
        _paragraph(
            f"Most reviews are told right by the {best.title}, {ahead:.2f} points more than by the",
            f"{second.title}: {doubt}.",
        )
    ]


def _others(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    cells = []
    for experiment, runs in rows:
        data, texts = experiment.data, f"{runs[0].texts:,}"
        cells.append((data.title, texts, experiment.title, _accuracy(runs)))
        cells += [("", "", f"*{p.name}* ({p.source})", f"{p.accuracy:.1%}") for p in data.published]
    leaks = {f"- {e.data.title}: {e.data.leak}": None for e, _ in rows if e.data.leak}
    return [
        "## Other data sets",
        _paragraph(
            "The official test splits. In italics, what others published.",
            "Accuracy is the mean over the seeds, with the lowest and the highest.",
        ),
        _table(("data set", "texts", "network", "accuracy"), cells),
        *(["\n".join(leaks)] if leaks else []),
        _commands(rows),
    ]


def _memory(memory: Memory | None, rows: list[Row]) -> list[str]:
    if not memory:
        return []
    return [
        "## What the past means to the end",
        _paragraph(
            "Two networks that are judged by their last state alone, so that nothing but their",
            f"recurrence leads back into a text. Of {memory.texts} test reviews they read the last",
            f"{memory.steps} tokens. The gradient of the loss by the state at a step, through all",
            "later steps, says how much that state still matters; its norm is divided by that at",
            "the last step, and the median of the reviews is shown.",
        ),
        f"![Norm of the gradient over the distance from the end]({GRADIENTS})",
        "\n".join(_faded(gradient, memory.steps // 2) for gradient in memory.gradients),
        _paragraph(
            "What lies on an LSTM's belt is multiplied by the forget gate at each step.",
            "Shown is what the product of the gates leaves, the mean of the reviews; the band",
            "holds the units but for the tenth that keeps least and the tenth that keeps most.",
        ),
        f"![What the forget gates leave over the distance from the end]({RETENTION})",
        "\n".join(_kept(retention, memory.steps // 2) for retention in memory.retention),
        *([_commands(rows)] if rows else []),
    ]


def _faded(gradient: Gradient, far: int) -> str:
    return _item(
        f"{CELLS[gradient.cell]}, {_word(gradient.trained)}, by {STATES[gradient.state]}:",
        f"{_share(gradient.norms[far])} of the gradient is there {far} steps from the end.",
    )


def _kept(retention: Retention, far: int) -> str:
    longest = len(retention.middle) - 1
    low, middle, high = (
        f"all {longest}" if reach >= longest else f"{reach:.0f}" for reach in retention.reach
    )
    return _item(
        f"{_word(retention.trained)}: {far} steps back, the median unit has",
        f"{_share(retention.middle[far])} left, and a tenth of the units have more than",
        f"{_share(retention.high[far])}. At least a tenth of a value is left for {middle} steps in",
        f"the median unit ({low} and {high} are the quantiles of 10 % and 90 % of the units).",
    )


def _recall(recall: Recall | None) -> list[str]:
    if not recall or not recall.results:
        return []
    lengths = sorted({result.length for result in recall.results})
    by_cell = {
        cell: [
            [r.accuracy for r in recall.results if (r.cell, r.length) == (cell, length)]
            for length in lengths
        ]
        for cell in CELLS
    }
    by_cell = {cell: accuracies for cell, accuracies in by_cell.items() if any(accuracies)}
    return [
        "## One word, remembered",
        _paragraph(
            f"The label of a text is its first word, one of {1 / recall.chance:.0f}; all that",
            "follow are drawn from the same ones and say nothing: a network must remember one",
            "word, and let the others pass. Both cells have",
            f"{recall.units} units, are judged by their last state, and are trained alike: for",
            f"each length and seed {recall.passes} passes over",
            f"{recall.training_texts:,} texts from 2 words up to that length, octave for octave as",
            f"many. They are judged on {recall.test_texts} texts of exactly that length.",
            f"Guessing is right about {recall.chance:.1%}.",
        ),
        f"![Accuracy over the length of the text]({RECALL})",
        _table(
            ("words", *map(str, lengths)),
            [
                (CELLS[cell], *(_spread(values, 0) if values else "" for values in accuracies))
                for cell, accuracies in by_cell.items()
            ],
        ),
        "\n".join(
            _remembered(CELLS[cell], dict(zip(lengths, accuracies, strict=True)))
            for cell, accuracies in by_cell.items()
        ),
    ]


def _remembered(name: str, accuracies: dict[int, list[float]]) -> str:
    """At which lengths there is a seed that does not remember."""
    known = {length: min(values) for length, values in accuracies.items() if values}
    lost = [length for length, worst in known.items() if worst < REMEMBERED]
    if not lost:
        return _item(f"{name}: every seed is right about {min(known.values()):.1%} or more.")
    return _item(
        f"{name}: the worst seed is right about less than {REMEMBERED:.0%} at",
        f"{_listed(map(str, lost))} words.",
    )


def _shipped(run: SavedRun | None, speed: Speed | None) -> list[str]:
    if not run:
        return []
    parameters = run.parameters
    read = speed.of(run.experiment) if speed else None
    surer = sum(bin_.texts * bin_.confidence for bin_ in run.calibration) / run.texts - run.accuracy
    return [
        "## The shipped model",
        _paragraph(
            f"{run.accuracy:.2%} of {run.texts:,} official test reviews are right.",
            IMDB.leak,
            f"It has {parameters.total:,} parameters, of which `{parameters.formula}` =",
            f"{parameters.by_formula:,} are the weights of its LSTM, takes",
            f"{run.artifact_bytes / 1e6:.1f} MB"
            + (f", and reads {read:,.0f} reviews a second on one core." if read else "."),
        ),
        f"![How many reviews of each label were taken for which]({CONFUSION})",
        "\n".join(
            _item(f"{m.texts:,} {m.true} reviews were taken for {m.predicted} ones.")
            for m in run.mistakes
        ),
        f"![Share of right answers over the confidence]({CALIBRATION})",
        _paragraph(
            f"On average its confidence is {abs(surer) * 100:.1f} points",
            f"{'above' if surer > 0 else 'below'} its accuracy. The expected calibration error",
            f"(15 bins: Guo et al., 2017) is {run.calibration_error:.4f}.",
        ),
        _block(run.command),
    ]


def _commands(rows: list[Row]) -> str:
    """The command of the first saved seed of each row."""
    return _block(*(runs[0].command for _, runs in rows))


def _block(*commands: str) -> str:
    return "\n".join(["```sh", *commands, "```"])


def _paragraph(*parts: str, indent: str = "") -> str:
    text = " ".join(filter(None, parts))
    return textwrap.fill(
        text, WIDTH, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent
    )


def _item(*parts: str) -> str:
    return _paragraph("-", *parts, indent="  ")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def _mean(runs: Sequence[SavedRun]) -> float:
    return statistics.mean(run.accuracy for run in runs)


def _accuracy(runs: Sequence[SavedRun]) -> str:
    return _spread([run.accuracy for run in runs], 2)


def _spread(values: Sequence[float], decimals: int) -> str:
    """The mean, and the range where there is one."""
    mean = f"{statistics.mean(values):.{decimals}%}"
    low, high = (f"{value * 100:.{decimals}f}" for value in (min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def _share(value: float) -> str:
    """A share that is readable however small it is."""
    if value >= 0.001:  # noqa: PLR2004 - below, a percentage has too many zeros
        return f"{value:.1%}"
    return f"{value:.0e}" if value else "nothing"


def _word(trained: bool) -> str:
    return "trained" if trained else "untrained"


def _listed(values: Iterable[str]) -> str:
    """Each of them once: "a", "a and b", "a, b and c"."""
    *most, last = dict.fromkeys(values)
    return f"{', '.join(most)} and {last}" if most else last


if __name__ == "__main__":
    main()
