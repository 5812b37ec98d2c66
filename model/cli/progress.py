"""Progress of a run: a bar on a terminal, a line a minute elsewhere."""

import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from conveyor.model.data.rows import BadRow
from conveyor.model.training.callbacks import (
    Callbacks,
    EpochReport,
    PretrainingEpoch,
    StepReport,
    TrainingEpoch,
)

# Seconds between two lines: what a log file can bear for days, and a person can wait for.
LINE_SECONDS = 60.0
# The time left is told from the steps of so many seconds: the slowest steps take some.
SPEED_SECONDS = 300.0
# Epochs that have a line each.
MOST_LINES = 20

# The only task of a bar.
TASK = TaskID(0)


class Progress(Bar):
    """A task and where it stands. As a context, it shows a bar, if the console is a terminal."""

    def __init__(
        self, task: str, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            get_time=clock,
            speed_estimate_period=SPEED_SECONDS,
        )
        self.add_task(task, total=None, status="")
        self._told_at = clock()

    def count(self, done: int, total: int) -> None:
        """Show that so many are done, of so many."""
        self.update(TASK, completed=done, total=total)

    def training(self) -> Callbacks[TrainingEpoch]:
        """Make callbacks that show a training run's steps here, and print a line for each epoch."""

        def on_epoch(report: TrainingEpoch) -> None:
            if not _is_told(report):
                return
            line = f"epoch {report.epoch}: loss {report.loss:.4f}, accuracy {report.accuracy:.4f}"
            if report.validation:
                line += f", held-out accuracy {report.validation.accuracy:.4f}"
                line += " (kept)" if report.best else ""
            self.tell(line)

        return Callbacks(self.tell, self._step, on_epoch)

    def pretraining(self) -> Callbacks[PretrainingEpoch]:
        """Make callbacks that show a pretraining in the same way."""

        def on_epoch(report: PretrainingEpoch) -> None:
            self.tell(
                f"epoch {report.epoch}: loss {report.loss:.4f}, "
                f"held-out perplexity {report.perplexity:.1f}"
            )

        return Callbacks(self.tell, self._step, on_epoch)

    def skip_row(self, bad: BadRow) -> None:
        """Print that a row is left out."""
        self.tell(f"{bad} It is left out.")

    def count_rows(self, done: int, total: int | None) -> None:
        """Show that so many rows are labelled, of about so many."""
        self.update(TASK, completed=done, total=total, status="rows,")
        place = f"{done:,} rows" if total is None else f"{done:,} of about {total:,} rows"
        speed = self.tasks[TASK].speed
        self._line(place if speed is None else f"{place}, {speed:,.0f} a second{self._left()}")

    def _step(self, report: StepReport) -> None:
        status = f"loss {report.loss:.3f}, "
        if report.accuracy is not None:
            status += f"accuracy {report.accuracy:.3f}, "
        status += f"{report.tokens / report.seconds:,.0f} tokens/s"
        self.update(
            TASK,
            total=report.steps,
            completed=report.step,
            status=f"epoch {report.epoch}, {status},",
        )
        place = f"epoch {report.epoch}, step {report.step:,} of {report.steps:,}"
        self._line(f"{place}: {status}{self._left()}")

    def _line(self, line: str) -> None:
        """Print a line where there is no bar, if it is time for one."""
        if not self.console.is_terminal and self.get_time() - self._told_at >= LINE_SECONDS:
            self.tell(line)

    def _left(self) -> str:
        seconds = self.tasks[TASK].time_remaining
        return "" if seconds is None else f", {timedelta(seconds=int(seconds))} left"

    def tell(self, line: str) -> None:
        """Print a line, as long as it is: a log has no width."""
        self.console.print(line, soft_wrap=True)
        self._told_at = self.get_time()


def _is_told(report: EpochReport) -> bool:
    """Tell if an epoch gets a line: of hundreds, as small tables have, some do, and the last."""
    every = max(1, report.epochs // MOST_LINES)
    return report.epoch % every == 0 or report.epoch == report.epochs
