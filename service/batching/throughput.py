"""The rate at which jobs are finished, and so the time that those in the queue will take."""

from dataclasses import dataclass

# The weight that each step leaves to those before it: some twenty are remembered.
DECAY = 0.95

# Seconds for any cost before anything has been measured.
UNKNOWN = 1.0


@dataclass
class Throughput:
    """The cost of the last steps' finished jobs, and the seconds of these steps."""

    cost: float = 0.0
    seconds: float = 0.0

    def add(self, cost: int, seconds: float) -> None:
        """Note a step: the cost of what it finished, and how long it took, in s."""
        self.cost = DECAY * self.cost + cost
        self.seconds = DECAY * self.seconds + seconds

    def seconds_for(self, cost: int) -> float:
        """Estimate how many seconds jobs of this cost take."""
        return cost * self.seconds / self.cost if self.cost else UNKNOWN
