"""The one thread on which the model runs, so that the event loop never computes.

This is the seam for batching: whoever wants the model's time asks here, and gets the result with
the time it waited and the time it took.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from service.errors import Unavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Timed(Generic[T_co]):
    """A result, how long its work waited for the model, and how long it ran, in seconds."""

    value: T_co
    queued: float
    ran: float


class ModelThread:
    """Runs one piece of work at a time, in the order of asking. A context manager."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    @property
    def open(self) -> bool:
        """Whether work is taken."""
        return self._executor is not None

    def __enter__(self) -> Self:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take nothing new, and finish what was accepted."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()

    async def run(self, work: Callable[[], T]) -> Timed[T]:
        """The result of ``work``, computed on the model's thread. Raises what ``work`` raises."""
        if self._executor is None:
            raise Unavailable("The service is shutting down: send the request to another replica.")
        asked = time.perf_counter()

        def timed() -> Timed[T]:
            started = time.perf_counter()
            value = work()
            return Timed(value, started - asked, time.perf_counter() - started)

        return await asyncio.get_running_loop().run_in_executor(self._executor, timed)
