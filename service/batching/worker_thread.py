"""The thread that does the jobs of a batcher, from its start until all is done for good."""

import logging
import threading
from collections.abc import Callable

from conveyor.service.batching.batch_runner import BatchRunner
from conveyor.service.batching.fair_queue import FairQueue

logger = logging.getLogger("conveyor.batcher")


class WorkerThread(threading.Thread):
    """Runs batches for as long as the queue is open or there are jobs.

    ``prepare`` is run on it before all else.
    """

    def __init__(
        self, name: str, queue: FairQueue, runner: BatchRunner, prepare: Callable[[], None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._queue = queue
        self._runner = runner
        self._prepare = prepare
        self.died = False

    def run(self) -> None:
        """Do jobs; close the queue at the end, and fail what is left."""
        try:
            self._prepare()
            while self._fill():
                self._runner.step()
        except BaseException:
            self.died = True
            logger.exception("The thread %r has died", self.name)
        finally:
            self._queue.closed = True
            self._runner.fail_all()

    def _fill(self) -> bool:
        """Wait for jobs, and let what can join the batch; False when all is done for good."""
        queue, runner = self._queue, self._runner
        if runner.idle and not queue:
            runner.deliver()
        with queue.changed:
            while runner.idle and not queue and not queue.closed:
                queue.changed.wait()
            begun = runner.take()
        if not begun:
            return not queue.closed
        # Not before the next step is all but under way: an answer wakes the event loop, which would
        # take the interpreter away from putting the batch together, while the model stands still.
        runner.prepare()
        runner.deliver()
        return True
