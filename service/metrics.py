"""What operators see at /metrics, in the form and by the naming rules of Prometheus.

What a label can say is bounded: routes are those that exist and "other", labels the model's own.
"""

import json
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    values,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from model.artifact.storage import Artifact
from model.types import Floats
from service.batching.protocols import Observer, StepResult
from service.scoreboard import Scoreboard, Slot

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = tuple(2**power for power in range(15))
SHARES = tuple(tenth / 10 for tenth in range(11))

OPENMETRICS = "application/openmetrics-text"

# How numbers of several processes become one, where they are not added up.
COMBINED: dict[str, Callable[[Iterable[float]], float]] = {
    "process_start_time_seconds": min,
    "process_max_fds": max,
}

Labels = tuple[tuple[str, str], ...]

OUTCOMES = {499: "cancelled", 504: "expired"}


class Metrics(Observer):
    """All that is counted and measured about one process, and about all of them at `exposition`.

    A worker has a slot, and keeps its numbers there.
    """

    def __init__(self, artifact: Artifact, version: str, slot: Slot | None = None) -> None:
        # The library would choose by PROMETHEUS_MULTIPROC_DIR, which other programs set for
        # themselves.
        values.ValueClass = slot.value_class() if slot else values.MutexValue
        self._scoreboard = slot.scoreboard if slot else None
        self._registry = registry = CollectorRegistry()
        self._unknown_id = artifact.classifier.tokenizer.unk_id

        def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"conveyor_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, mode: Any, labels: Sequence[str] = ()) -> Gauge:  # noqa: ANN401
            return Gauge(
                f"conveyor_{name}", text, labels, registry=registry, multiprocess_mode=mode
            )

        def histogram(
            name: str, text: str, buckets: Sequence[float], labels: Sequence[str] = ()
        ) -> Histogram:
            return Histogram(f"conveyor_{name}", text, labels, registry=registry, buckets=buckets)

        route, kind = ["route"], ["kind"]
        self._requests = counter(
            "http_requests", "Requests answered, by route and status.", ["route", "status"]
        )
        self._request_seconds = histogram(
            "http_request_duration_seconds", "From a request to its answer.", SECONDS, route
        )
        self._accepted = counter("accepted_requests", "Requests that the queue took.", route)
        self._finished = counter(
            "finished_requests",
            "Accepted requests that are over: answered, cancelled, expired or failed.",
            ["route", "outcome"],
        )
        self._rejected = counter(
            "rejected_requests",
            "Requests refused: queue, bodies, connections, draining, key.",
            ["reason"],
        )
        self._dropped = counter(
            "dropped_texts", "Texts that left the queue before they ran, as nobody waited for them."
        )
        self._queued_tokens = gauge("queued_tokens", "Tokens that wait for the model.", "livesum")
        self._queued_texts = gauge("queued_texts", "Texts that wait for the model.", "livesum")
        self._queue_seconds = histogram(
            "queue_seconds", "How long a text waited for the model.", SECONDS, kind
        )
        self._batch_texts = histogram("batch_texts", "Texts read in a step.", SIZES, kind)
        self._batch_tokens = histogram("batch_tokens", "Tokens read in a step.", SIZES, kind)
        self._padding = histogram(
            "batch_padding_ratio", "Share of padding in what a step read.", SHARES, kind
        )
        self._inference_seconds = histogram(
            "inference_seconds", "How long the model took for a step.", SECONDS, kind
        )
        self._texts = counter("texts", "Texts tokenized.")
        self._tokens = counter("tokens", "Tokens of these texts.")
        self._unknown = counter("unknown_tokens", "Tokens that are not in the vocabulary.")
        self._truncated = counter("truncated_texts", "Texts of which only the end was read.")
        self._predictions = counter("predictions", "Texts by their best label.", ["label"])
        self._top_score = histogram("top_score", "Score of the best label.", SHARES)
        self._log_dropped = counter(
            "dropped_log_lines", "Lines of the log that standard error did not take."
        )
        for label in artifact.classifier.config.labels:
            self._predictions.labels(label)
        self._labels = artifact.classifier.config.labels
        self._model_info = gauge(
            "model_info", "What is served; always 1.", "max", ["name", "sha256", "version"]
        )
        self._model_info.labels(artifact.name, artifact.sha256, version).set(1)
        self._shown = registry
        if self._scoreboard is None:
            ProcessCollector(registry=registry)
        else:
            self._shown = CollectorRegistry()
            self._shown.register(_Together(self._scoreboard))
            self._shown.register(_Processes(self._scoreboard))
        self._shown.register(_Workers(self))

    def answered(self, route: str, status: int, seconds: float, accepted: bool) -> None:
        """A request is over; status 0 if its answer never began."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)
        if accepted:
            outcome = "answered" if 0 < status < 400 else OUTCOMES.get(status, "failed")  # noqa: PLR2004
            self._finished.labels(route, outcome).inc()

    def accepted(self, route: str) -> None:
        """The queue took a request."""
        self._accepted.labels(route).inc()

    def rejected(self, reason: str) -> None:
        """A request was refused."""
        self._rejected.labels(reason).inc()

    def tokenized(self, ids: Iterable[Sequence[int]], truncated: int) -> None:
        """Texts became tokens."""
        texts = list(ids)
        self._texts.inc(len(texts))
        self._tokens.inc(sum(map(len, texts)))
        if self._unknown_id is not None:
            self._unknown.inc(sum(text.count(self._unknown_id) for text in texts))
        self._truncated.inc(truncated)

    def predicted(self, rows: Sequence[Floats]) -> None:
        """Texts have been given their probabilities."""
        for label, count in Tally(int(np.argmax(row)) for row in rows).items():
            self._predictions.labels(self._labels[label]).inc(count)
        for row in rows:
            self._top_score.observe(float(row.max()))

    def queue(self, cost: int, jobs: int) -> None:
        """So much waits now."""
        self._queued_tokens.set(cost)
        self._queued_texts.set(jobs)

    def joined(self, kind: str, waited: float) -> None:
        """A text is being read after so many seconds."""
        self._queue_seconds.labels(kind).observe(waited)

    def step(self, kind: str, jobs: int, stepped: StepResult, seconds: float) -> None:
        """The model has done a step."""
        self._batch_texts.labels(kind).observe(jobs)
        self._batch_tokens.labels(kind).observe(stepped.worked)
        read = stepped.worked + stepped.wasted
        self._padding.labels(kind).observe(stepped.wasted / read if read else 0)
        self._inference_seconds.labels(kind).observe(seconds)

    def dropped(self, jobs: int) -> None:
        """Texts left the queue before they ran."""
        self._dropped.inc(jobs)

    def log_line_dropped(self) -> None:
        """A line of the log is lost."""
        self._log_dropped.inc()

    def tally(self) -> dict[str, int]:
        """How many requests this process has accepted, and how they came out."""
        tally = {"accepted": 0} | dict.fromkeys(("answered", *OUTCOMES.values(), "failed"), 0)
        for counter in (self._accepted, self._finished):
            for metric in counter.collect():
                for sample in metric.samples:
                    if sample.name.endswith("_total"):
                        tally[sample.labels.get("outcome", "accepted")] += int(sample.value)
        return tally

    @property
    def workers(self) -> tuple[int, int]:
        """How many processes are ready to serve, and how many should be."""
        if self._scoreboard is None:
            return 1, 1
        return len(self._scoreboard.pids), self._scoreboard.wanted

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """/metrics and its media type, of all workers together.

        In Prometheus' text format, or as OpenMetrics for those who accept that, in whichever
        version they ask for: there is one.
        """
        accepted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        wanted = f"{OPENMETRICS}; version=1.0.0" if OPENMETRICS in accepted else ""
        encode, media_type = choose_encoder(wanted)
        return encode(self._shown), media_type


class _Workers(Collector):
    """How many workers there are."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """How many are ready, and how many should be."""
        ready, wanted = self._metrics.workers
        yield GaugeMetricFamily("conveyor_ready_workers", "Processes that serve.", ready)
        yield GaugeMetricFamily("conveyor_workers", "Processes that should serve.", wanted)


class _Together(Collector):
    """The numbers of all workers, added up.

    The library's own collector reads them from a directory of files.
    """

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard

    def collect(self) -> Iterable[Metric]:
        """The sums; of what all say alike, the largest."""
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
    """A histogram whose buckets count all that is below their bound, from one of single buckets."""
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


class _Processes(Collector):
    """CPU time, memory and files of all workers that are ready, added up.

    The library's own collector knows one process.
    """

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard

    def collect(self) -> Iterable[Metric]:
        """The sums, by the library's names; of start times the first, of limits the largest."""
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
