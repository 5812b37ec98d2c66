"""Saved runs and measurements: small JSON files, from which docs/results.md is made."""

from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.experiments.plan import Experiment
from conveyor.model.errors import describe
from conveyor.model.evaluation.calibration import BINS
from conveyor.model.files import write_atomically
from conveyor.model.network.config import CellName

RUNS = Path(__file__).parent / "runs"
DEFAULTS = RUNS / "defaults"
MEMORY, RECALL, SPEED = RUNS / "memory.json", RUNS / "recall.json", RUNS / "speed.json"

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Curve = tuple[Annotated[float, Field(ge=0)], ...]


class Saved(BaseModel):
    """The base of all saved files: strict types, no unknown fields, no changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


SavedT = TypeVar("SavedT", bound=Saved)


class Training(Saved):
    """A training: its number of texts, and the wall time on one core, writing included."""

    texts: Count
    seconds: Seconds  # without what was lost in interruptions
    resumed: Count  # how many times it was continued from a checkpoint
    held_out_accuracy: Share | None


class Bin(Saved):
    """The texts whose best label had a probability in one of the 15 bins of equal width."""

    texts: Count
    confidence: Share  # mean; 0 for a bin without texts
    right: Count


class Mistake(Saved):
    """Texts of one label that were taken for another."""

    true: str
    predicted: str
    texts: Count


class Parameters(Saved):
    """Counts of parameters; the formula counts the weights of the recurrent layers."""

    formula: str
    by_formula: Count
    total: Count


class SavedRun(Saved):
    """One trained model, and its results on the test file."""

    experiment: str
    seed: int | None  # None where nothing was trained
    command: str
    training: Training | None
    labels: tuple[str, ...]
    texts: Count
    accuracy: Share
    confusion: tuple[tuple[Count, ...], ...]  # true labels in rows; empty for more than a few
    mistakes: tuple[Mistake, ...]  # the most frequent ones
    calibration: tuple[Bin, ...] = Field(min_length=BINS, max_length=BINS)
    calibration_error: Share
    parameters: Parameters
    artifact_bytes: Count
    torch: str
    cores: Annotated[int, Field(ge=1)]  # of the machine

    @model_validator(mode="after")
    def _check(self) -> Self:
        right = sum(bin_.right for bin_ in self.calibration)
        if sum(bin_.texts for bin_ in self.calibration) != self.texts or self.texts == 0:
            raise ValueError("the bins of calibration must hold all texts")
        if abs(right / self.texts - self.accuracy) > 1e-9:  # noqa: PLR2004 - rounding
            raise ValueError("accuracy must be the share of texts that calibration has as right")
        if self.confusion:
            if [len(row) for row in self.confusion] != [len(self.labels)] * len(self.labels):
                raise ValueError("confusion must have a row and a column for each label")
            if sum(map(sum, self.confusion)) != self.texts:
                raise ValueError("confusion must count all texts")
        return self


class DefaultRun(Saved):
    """`conveyor train` without flags beside n-grams and fastText, on the same texts of a table."""

    table: str
    texts_a_label: Annotated[int, Field(ge=1)] | None  # None for all that there are
    seed: int
    texts: Count
    test_texts: Count
    ours: Share  # accuracy, as the next two
    ngrams: Share
    fasttext: Share
    seconds: Seconds  # of the training, on one core
    torch: str


class Gradient(Saved):
    """The norm of the gradient of the loss by a state, over the distance from the text's end.

    Median of the texts, each divided by its norm at the last step, which is distance 0.
    """

    cell: CellName
    state: str  # "hidden" or "cell"
    trained: bool
    norms: Curve


class Retention(Saved):
    """The share of a cell state that the forget gates leave, over the distance from the end.

    Quantiles over the units of the mean over the texts of the product of the gates; and how many
    steps the cell state reaches back, as `network.summary.retention` has it, median of the texts.
    """

    trained: bool
    low: Curve  # 10 % of the units keep less
    middle: Curve
    high: Curve  # 10 % keep more
    reach: tuple[float, float, float]  # the same quantiles, in steps


class Memory(Saved):
    """Gradients and retention over the last steps of long texts."""

    texts: Count
    steps: Count
    gradients: tuple[Gradient, ...]
    retention: tuple[Retention, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        curves = [gradient.norms for gradient in self.gradients]
        curves += [c for r in self.retention for c in (r.low, r.middle, r.high)]
        if any(len(curve) != self.steps for curve in curves):
            raise ValueError("every curve must have a value for each step")
        return self


class Recalled(Saved):
    """The accuracy at a length, of a network trained for texts of up to that length."""

    cell: CellName
    length: Annotated[int, Field(ge=2)]
    seed: int
    accuracy: Share
    seconds: Seconds


class Recall(Saved):
    """All trainings of the recall task, and the accuracy of guessing."""

    chance: Share
    units: Count
    training_texts: Count
    passes: Count
    test_texts: Count
    results: tuple[Recalled, ...] = ()


class Read(Saved):
    """The speed of a model on one core, without tokenizing."""

    name: str
    texts_per_second: Annotated[float, Field(gt=0)]


class Speed(Saved):
    """Models that took turns on the same texts."""

    texts: Count
    turns: Count
    results: tuple[Read, ...]

    def of(self, name: str) -> float | None:
        """Find a model's texts a second, if it took part."""
        return next((r.texts_per_second for r in self.results if r.name == name), None)


def run_name(experiment: Experiment, seed: int | None) -> str:
    """Name a saved run."""
    return experiment.name if seed is None else f"{experiment.name}-{seed}"


def seeds(experiment: Experiment) -> tuple[int | None, ...]:
    """List the seeds to run an experiment with; None alone where nothing is to be trained."""
    return (None,) if experiment.model else experiment.seeds


def save(path: Path, saved: Saved) -> None:
    """Write it whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, saved.model_dump_json(indent=1).encode() + b"\n")


def load(path: Path, kind: type[SavedT]) -> SavedT | None:
    """Read what was saved; None where nothing was.

    Raises ValueError with one sentence for a file that is not of this kind.
    """
    if not path.exists():
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} is not valid: {describe(error)}.") from None


def load_runs(experiment: Experiment, folder: Path = RUNS) -> list[SavedRun]:
    """Load the saved runs of an experiment, of those that are planned."""
    paths = (folder / f"{run_name(experiment, seed)}.json" for seed in seeds(experiment))
    return [run for run in (load(path, SavedRun) for path in paths) if run]
