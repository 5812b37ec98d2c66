"""The metrics of all workers together.

The collectors of prometheus_client read them from a directory of files, and know one process.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from conveyor.service.scoreboard import Scoreboard

# How numbers of several processes become one, where they are not added up.
COMBINED: dict[str, Callable[[Iterable[float]], float]] = {
    "process_start_time_seconds": min,
    "process_max_fds": max,
}

Labels = tuple[tuple[str, str], ...]


class WorkerCollector(Collector):
    """The number of workers that are ready, and of those that should be."""

    def __init__(self, workers: Callable[[], tuple[int, int]]) -> None:
        """``workers`` tells both numbers."""
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        """Make a gauge of each."""
        ready, wanted = self._workers()
        yield GaugeMetricFamily("conveyor_ready_workers", "Processes that serve.", ready)
        yield GaugeMetricFamily("conveyor_workers", "Processes that should serve.", wanted)


class SumCollector(Collector):
    """The metrics of all workers, added up."""

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard

    def collect(self) -> Iterable[Metric]:
        """Add up all values; of those that all workers have alike, take the largest."""
        found: dict[str, list[float]] = defaultdict(list)
        for key, value in self._scoreboard.values():
            found[key].append(value)
        metrics: dict[str, Metric] = {}
        for key, numbers in found.items():
            kind, mode, family, name, labels, text = json.loads(key)
            metric = metrics.setdefault(family, Metric(family, text, kind))
            value = max(numbers) if mode == "max" else sum(numbers)
            metric.add_sample(name, labels, value)
        return [_cumulative(m) if m.type == "histogram" else m for m in metrics.values()]


def _cumulative(metric: Metric) -> Metric:
    """Make a histogram of cumulative buckets from one of single buckets."""
    counts: dict[Labels, dict[str, float]] = defaultdict(dict)
    sums: dict[Labels, float] = {}
    for sample in metric.samples:
        labels = dict(sample.labels)
        bound = labels.pop("le", None)
        if bound is None:
            sums[tuple(labels.items())] = sample.value
        else:
            counts[tuple(labels.items())][bound] = sample.value
    names = [name for name, _ in next(iter(sums))]
    histogram = HistogramMetricFamily(metric.name, metric.documentation, labels=names)
    for those, buckets in counts.items():
        if "+Inf" in buckets:  # else a worker is about to make it
            bounds = sorted(buckets, key=float)
            below = accumulate(buckets[bound] for bound in bounds)
            pairs = list(zip(bounds, below, strict=True))
            histogram.add_metric([value for _, value in those], pairs, sums[those])
    return histogram


class ProcessSumCollector(Collector):
    """CPU time, memory and files of all workers that are ready, added up."""

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard

    def collect(self) -> Iterable[Metric]:
        """Add up the library's values; of start times take the first, of limits the largest."""
        found: dict[str, list[Metric]] = {}
        for pid in self._scoreboard.pids:
            collector = ProcessCollector(pid=partial(int, pid), registry=None)
            for metric in collector.collect():
                found.setdefault(metric.name, []).append(metric)
        for name, metrics in found.items():
            samples = [metric.samples[0] for metric in metrics]
            combine = COMBINED.get(name, sum)
            value = combine(sample.value for sample in samples)
            metrics[0].samples = [samples[0]._replace(value=value)]
            yield metrics[0]
