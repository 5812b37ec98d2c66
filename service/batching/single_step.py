"""A batch whose jobs all begin and end in the same step."""

from collections.abc import Callable, Sequence
from typing import Generic

from conveyor.service.batching.protocols import JobT, StepResult


class SingleStepBatch(Generic[JobT]):
    """Jobs that are done together, all in one step."""

    def __init__(self, run: Callable[[list[JobT]], StepResult]) -> None:
        """Take a function that numbers what it finished by the indices of its list."""
        self._run = run
        self._jobs: list[tuple[int, JobT]] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, jobs: Sequence[tuple[int, JobT]]) -> None:
        """Let these be done in the next step."""
        self._jobs.extend(jobs)

    def prepare(self) -> None:
        """Do nothing: there is nothing to do beforehand."""

    def step(self) -> StepResult:
        """Do all of them."""
        numbers, jobs = zip(*self._jobs, strict=True)
        stepped = self._run(list(jobs))
        self._jobs = []
        finished = {numbers[index]: result for index, result in stepped.finished.items()}
        return stepped._replace(finished=finished)
