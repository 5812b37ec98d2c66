"""Counters, gauges and histograms, as they are made in one registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Bounds of buckets: seconds, sizes in texts or tokens, shares of a whole.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = tuple(2**power for power in range(15))
SHARES = tuple(tenth / 10 for tenth in range(11))


@dataclass(frozen=True)
class Instruments:
    """Makes the instruments of a registry; the name of each begins with ``conveyor_``."""

    registry: CollectorRegistry

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """Make a counter."""
        return Counter(f"conveyor_{name}", text, labels, registry=self.registry)

    def gauge(
        self, name: str, text: str, mode: Literal["livesum", "max"], labels: Sequence[str] = ()
    ) -> Gauge:
        """Make a gauge; ``mode`` tells how the values of several processes become one."""
        return Gauge(
            f"conveyor_{name}", text, labels, registry=self.registry, multiprocess_mode=mode
        )

    def histogram(
        self, name: str, text: str, buckets: Sequence[float], labels: Sequence[str] = ()
    ) -> Histogram:
        """Make a histogram with these upper bounds of its buckets."""
        return Histogram(f"conveyor_{name}", text, labels, registry=self.registry, buckets=buckets)
