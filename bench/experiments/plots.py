"""The figures of docs/results.md, as SVG that comes out the same every time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.experiments.saved import Memory, Recall, SavedRun
from conveyor.model.evaluation.calibration import BINS
from conveyor.model.network.config import CellName

# Told apart by all kinds of sight (Okabe & Ito, 2008), and by their lines.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"

CELLS: Mapping[CellName, str] = {"rnn": "simple RNN", "lstm": "LSTM"}
STATES = {"hidden": "h", "cell": "c"}
COLOURS = {("rnn", "hidden"): ORANGE, ("lstm", "hidden"): BLUE, ("lstm", "cell"): GREEN}

# Where gradients are too small to be seen.
LEAST = 1e-12

mpl.rcParams.update(
    {
        "svg.hashsalt": "conveyor",
        "svg.fonttype": "path",  # looks the same where the fonts are others
        "figure.facecolor": "white",  # to be read on dark pages as well
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.edgecolor": "white",
        "legend.framealpha": 0.8,
        "lines.linewidth": 2,
    }
)


def write(path: Path, draw: Callable[[Axes], None]) -> None:
    """Draw a figure that is 700 pixels wide into an SVG file."""
    figure = Figure(figsize=(7, 4.2), dpi=100, layout="constrained")
    draw(figure.add_subplot())
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def gradients(axes: Axes, memory: Memory) -> None:
    """Draw the norms of the gradients over the distance from the end."""
    for curve in memory.gradients:
        axes.semilogy(
            range(memory.steps),
            [max(norm, LEAST / 10) for norm in curve.norms],
            color=COLOURS[curve.cell, curve.state],
            linestyle="-" if curve.trained else ":",
            label=f"{CELLS[curve.cell]}, by {STATES[curve.state]}, "
            f"{'trained' if curve.trained else 'untrained'}",
        )
    axes.set_ylim(bottom=LEAST)
    axes.set_xlabel("steps from the end of the text")
    axes.set_ylabel("norm of the gradient, of that at the end")
    axes.legend(fontsize=9)


def retention(axes: Axes, memory: Memory) -> None:
    """Draw what the forget gates leave of a cell state, over the distance from the end."""
    steps = range(memory.steps)
    for curve in memory.retention:
        colour, word = (BLUE, "trained") if curve.trained else (GREY, "untrained")
        axes.fill_between(steps, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(steps, curve.middle, color=colour, label=f"{word}, the median unit")
    axes.plot([], [], color=GREY, alpha=0.3, linewidth=8, label="10 % to 90 % of the units")
    axes.set_ylim(0, 1)
    axes.set_xlabel("steps from the end of the text")
    axes.set_ylabel("left on the belt")
    axes.legend()


def recall(axes: Axes, results: Recall) -> None:
    """Draw each training's accuracy over the length, and the mean of the seeds as a line."""
    marks: Sequence[tuple[CellName, str, str]] = (("rnn", ORANGE, "s"), ("lstm", BLUE, "o"))
    for cell, colour, marker in marks:
        by_length: dict[int, list[float]] = {}
        for result in results.results:
            if result.cell == cell:
                by_length.setdefault(result.length, []).append(result.accuracy)
        lengths = sorted(by_length)
        means = [sum(by_length[length]) / len(by_length[length]) for length in lengths]
        axes.plot(lengths, means, color=colour, label=f"{CELLS[cell]}, mean of the seeds")
        for length in lengths:
            dots = by_length[length]
            axes.scatter([length] * len(dots), dots, s=28, color=colour, marker=marker)
    axes.axhline(results.chance, color=GREY, linestyle="--", linewidth=1, label="guessing")
    lengths = sorted({result.length for result in results.results})
    axes.set_xscale("log")
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.minorticks_off()
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("words from the first to the last")
    axes.set_ylabel("accuracy")
    axes.legend(loc="center left")


def confusion(axes: Axes, run: SavedRun) -> None:
    """Draw the confusion matrix, with the number of texts in each cell."""
    most = max(map(max, run.confusion))
    axes.imshow(run.confusion, cmap="Blues", vmin=0, vmax=most)
    for row, counts in enumerate(run.confusion):
        for column, count in enumerate(counts):
            colour = "white" if count > most / 2 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    places: Sequence[int] = range(len(run.labels))
    axes.set_xticks(places, run.labels)
    axes.set_yticks(places, run.labels, rotation=90, va="center")
    axes.set_xlabel("answered")
    axes.set_ylabel("true")


def calibration(axes: Axes, run: SavedRun) -> None:
    """Draw the accuracy over the confidence; the area of a dot grows with its number of texts."""
    bins = [bin_ for bin_ in run.calibration if bin_.texts]
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as it should be")
    axes.plot(
        [bin_.confidence for bin_ in bins],
        [bin_.right / bin_.texts for bin_ in bins],
        color=BLUE,
        linewidth=1,
    )
    axes.scatter(
        [bin_.confidence for bin_ in bins],
        [bin_.right / bin_.texts for bin_ in bins],
        [10 + 390 * bin_.texts / run.texts for bin_ in bins],
        color=BLUE,
        label="texts, by their number",
    )
    first = min(int(bin_.confidence * BINS) for bin_ in bins)
    axes.set_xlim(first / BINS, 1.02)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("mean confidence")
    axes.set_ylabel("share of right answers")
    axes.legend(loc="lower right")
