"""What operators see at /metrics, in the form and by the naming rules of Prometheus.

What a label can say is bounded: routes are those that exist and "other", labels the model's own.
"""

import os
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    multiprocess,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from model.artifact import Artifact
from model.reader import Floats
from service.batcher import Observer, Stepped

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = tuple(2**power for power in range(15))
SHARES = tuple(tenth / 10 for tenth in range(11))

# Set by whoever starts several processes: each keeps its numbers there, and all add them up.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

# How numbers of several processes become one, where they are not added up.
COMBINED: dict[str, Callable[[Iterable[float]], float]] = {
    "process_start_time_seconds": min,
    "process_max_fds": max,
}

OUTCOMES = {499: "cancelled", 504: "expired"}


class Metrics(Observer):
    """All that is counted and measured about one process, and about all of them at `exposition`."""

    def __init__(self, artifact: Artifact, version: str) -> None:
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
            "Requests refused: queue, connections, draining, key.",
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
        for label in artifact.classifier.config.labels:
            self._predictions.labels(label)
        self._labels = artifact.classifier.config.labels
        self._model_info = gauge(
            "model_info", "What is served; always 1.", "max", ["name", "sha256", "version"]
        )
        self._model_info.labels(artifact.name, artifact.sha256, version).set(1)
        if DIRECTORY not in os.environ:
            ProcessCollector(registry=registry)

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

    def queue(self, cost: int, works: int) -> None:
        """So much waits now."""
        self._queued_tokens.set(cost)
        self._queued_texts.set(works)

    def joined(self, kind: str, waited: float) -> None:
        """A text is being read after so many seconds."""
        self._queue_seconds.labels(kind).observe(waited)

    def step(self, kind: str, works: int, stepped: Stepped, seconds: float) -> None:
        """The model has done a step."""
        self._batch_texts.labels(kind).observe(works)
        self._batch_tokens.labels(kind).observe(stepped.worked)
        read = stepped.worked + stepped.wasted
        self._padding.labels(kind).observe(stepped.wasted / read if read else 0)
        self._inference_seconds.labels(kind).observe(seconds)

    def dropped(self, works: int) -> None:
        """Texts left the queue before they ran."""
        self._dropped.inc(works)

    def tally(self) -> dict[str, int]:
        """How many requests this process has accepted, and how they came out."""
        tally = {"accepted": 0} | dict.fromkeys(("answered", *OUTCOMES.values(), "failed"), 0)
        for counter in (self._accepted, self._finished):
            for metric in counter.collect():
                for sample in metric.samples:
                    if sample.name.endswith("_total"):
                        tally[sample.labels.get("outcome", "accepted")] += int(sample.value)
        return tally

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """/metrics and its media type, of all processes that keep their numbers in one directory.

        In Prometheus' text format, or as OpenMetrics for those who accept that.
        """
        encode, media_type = choose_encoder(accept)
        directory = os.environ.get(DIRECTORY)
        if directory is None:
            return encode(self._registry), media_type
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        registry.register(_Processes(directory))
        return encode(registry), media_type


class _Processes(Collector):
    """CPU time, memory and files of all processes that live, added up.

    The library's own collector knows one process.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def collect(self) -> Iterable[Metric]:
        """The sums, by the library's names; of start times the first, of limits the largest."""
        found: dict[str, list[Metric]] = {}
        for pid in self._pids():
            collector = ProcessCollector(pid=partial(int, pid), registry=None)
            for metric in collector.collect():
                found.setdefault(metric.name, []).append(metric)
        for name, metrics in found.items():
            samples = [metric.samples[0] for metric in metrics]
            combine = COMBINED.get(name, sum)
            value = combine(sample.value for sample in samples)
            metrics[0].samples = [samples[0]._replace(value=value)]
            yield metrics[0]

    def _pids(self) -> set[int]:
        files = self._directory.glob("gauge_livesum_*.db")
        return {int(file.stem.rpartition("_")[2]) for file in files}
