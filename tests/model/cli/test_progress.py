import io
import re

from rich.console import Console

from conveyor.model.cli.progress import Progress
from conveyor.model.training.callbacks import PretrainingEpoch, StepReport, TrainingEpoch


class ConvertOptions:
    """A run that tells of its steps, one a second, and what was printed."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.now = 0.0
        self.file = io.StringIO()
        console = Console(file=self.file, force_terminal=terminal, width=120 if terminal else 40)
        self.progress = Progress("training", console, lambda: self.now)
        self.callbacks = self.progress.training()

    def steps(self, first: int, last: int) -> None:
        for step in range(first, last + 1):
            self.now += 1
            self.callbacks.on_step(StepReport(step, 4_000, 2, 0.25, 0.75, 1_500 * step, step))

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()


def test_in_a_log_file_a_line_a_minute_says_where_a_run_stands() -> None:
    told = ConvertOptions()
    told.steps(1, 59)
    assert told.lines == []
    told.steps(60, 150)
    assert told.lines == [
        "epoch 2, step 60 of 4,000: loss 0.250, accuracy 0.750, 1,500 tokens/s, 1:05:40 left",
        "epoch 2, step 120 of 4,000: loss 0.250, accuracy 0.750, 1,500 tokens/s, 1:04:40 left",
    ]


def test_the_minute_begins_anew_with_every_other_line() -> None:
    told = ConvertOptions()
    told.steps(1, 50)
    told.callbacks.on_epoch(TrainingEpoch(2, 8, 0.25, 0.75, None, best=True))
    told.steps(51, 109)
    assert told.lines == ["epoch 2: loss 0.2500, accuracy 0.7500"]
    told.steps(110, 110)
    assert told.lines[1].startswith("epoch 2, step 110 of 4,000: ")


def test_of_hundreds_of_short_epochs_some_have_a_line_and_the_last() -> None:
    told = ConvertOptions()
    for epoch in range(1, 151):
        told.callbacks.on_epoch(TrainingEpoch(epoch, 150, 0.25, 0.75, None, best=True))
    assert len(told.lines) == 22
    assert told.lines[0].startswith("epoch 7: ")
    assert told.lines[-1].startswith("epoch 150: ")


def test_a_continued_run_tells_the_time_left_from_its_own_steps() -> None:
    told = ConvertOptions()
    told.steps(3_000, 3_060)
    assert re.search("step 3,059 of 4,000: .* 0:15:41 left$", told.lines[0])


def test_a_first_step_that_takes_minutes_knows_no_time_left_yet() -> None:
    told = ConvertOptions()
    told.now = 100
    told.steps(1, 1)
    assert told.lines == ["epoch 2, step 1 of 4,000: loss 0.250, accuracy 0.750, 1,500 tokens/s"]


def test_on_a_terminal_there_is_the_bar_and_no_line() -> None:
    told = ConvertOptions(terminal=True)
    with told.progress:
        told.steps(1, 200)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.file.getvalue())
    assert "200/4000 epoch 2, loss 0.250" in text
    assert "step" not in text


def test_pretraining_tells_the_same() -> None:
    told = ConvertOptions()
    callbacks = told.progress.pretraining()
    told.now = 60
    callbacks.on_step(StepReport(7, 100, 1, 4.5, None, 70_000, 7.0))
    callbacks.on_epoch(PretrainingEpoch(1, 4, 4.25, 61.25))
    assert told.lines == [
        "epoch 1, step 7 of 100: loss 4.500, 10,000 tokens/s",
        "epoch 1: loss 4.2500, held-out perplexity 61.2",
    ]
