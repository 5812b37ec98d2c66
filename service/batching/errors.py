"""The refusals and failures of a batcher."""


class Full(Exception):
    """The queue is full, for an estimated number of seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The queue is full for {seconds:.3f} seconds.")
        self.seconds = seconds


class TooCostly(Exception):
    """The request alone costs more than the queue may ever hold."""


class Closed(Exception):
    """The batcher takes no jobs, or it ended before this job was done."""


class Failed(Exception):
    """A step with this job, and with no other, raised. The cause is the error."""
