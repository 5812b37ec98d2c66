"""The protocols of jobs: their kinds, the batches that they share, and observers of both.

A job is whatever its kind can do; the batcher only knows its cost.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

JobT = TypeVar("JobT")
JobT_contra = TypeVar("JobT_contra", contravariant=True)


class StepResult(NamedTuple):
    """The outcome of a step."""

    finished: Mapping[int, Any]  # the number of each job that is done: its result, or an Exception
    worked: int = 0  # in whatever unit the kind counts
    wasted: int = 0  # beside it, in the same unit


class Batch(Protocol[JobT_contra]):
    """Jobs under way, each with a number."""

    def __len__(self) -> int:
        """Count the jobs under way."""

    def add(self, jobs: Sequence[tuple[int, JobT_contra]]) -> None:
        """Take on numbered jobs."""

    def prepare(self) -> None:
        """Do what can be done of the next step before it begins; at least one job is under way."""

    def step(self) -> StepResult:
        """Go on for a bounded time; at least one job is under way."""


class JobKind(Protocol[JobT_contra]):
    """The kind of a job. Jobs of equal kinds share a batch."""

    @property
    def name(self) -> str:
        """The name by which observers know it."""

    def begin(self) -> Batch[JobT_contra]:
        """Make an empty batch."""


class Observer:
    """Receives what happens, on whichever thread it happens. This one ignores it."""

    def queue(self, cost: int, jobs: int) -> None:
        """Note the cost and the number of all jobs that wait now."""

    def joined(self, kind: str, waited: float) -> None:
        """Note that a job joins a batch after so many seconds in the queue."""

    def step(self, kind: str, jobs: int, stepped: StepResult, seconds: float) -> None:
        """Note a step, and how many jobs its batch had."""

    def dropped(self, jobs: int) -> None:
        """Note how many jobs left the queue before they ran."""
