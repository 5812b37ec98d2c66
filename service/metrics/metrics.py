"""All metrics of one process, and their exposition at /metrics."""

from prometheus_client import CollectorRegistry, ProcessCollector, values
from prometheus_client.exposition import choose_encoder

from conveyor.model.artifact.storage import Artifact
from conveyor.service.metrics.batches import BatchMetrics
from conveyor.service.metrics.instruments import Instruments
from conveyor.service.metrics.multiprocess import ProcessSumCollector, SumCollector, WorkerCollector
from conveyor.service.metrics.requests import RequestMetrics
from conveyor.service.metrics.texts import TextMetrics
from conveyor.service.scoreboard import Slot

OPENMETRICS = "application/openmetrics-text"


class Metrics:
    """The metrics of one process, and those of all workers together at `exposition`.

    A worker has a slot, and keeps its numbers there.
    """

    def __init__(self, artifact: Artifact, version: str, slot: Slot | None = None) -> None:
        # The library would choose by PROMETHEUS_MULTIPROC_DIR, which other programs set for
        # themselves.
        values.ValueClass = slot.value_class() if slot else values.MutexValue
        self._scoreboard = slot.scoreboard if slot else None
        registry = CollectorRegistry()
        instruments = Instruments(registry)
        self.requests = RequestMetrics(instruments)
        self.batches = BatchMetrics(instruments)
        self.texts = TextMetrics(instruments, artifact.classifier)
        self._log_dropped = instruments.counter(
            "dropped_log_lines", "Lines of the log that standard error did not take."
        )
        model_info = instruments.gauge(
            "model_info", "What is served; always 1.", "max", ["name", "sha256", "version"]
        )
        model_info.labels(artifact.name, artifact.sha256, version).set(1)
        self._exposed = self._collectors(registry)

    def _collectors(self, registry: CollectorRegistry) -> CollectorRegistry:
        """Make the registry of what is exposed: that of this process, or one of all workers."""
        exposed = registry
        if self._scoreboard is None:
            ProcessCollector(registry=registry)
        else:
            exposed = CollectorRegistry()
            exposed.register(SumCollector(self._scoreboard))
            exposed.register(ProcessSumCollector(self._scoreboard))
        exposed.register(WorkerCollector(lambda: self.workers))
        return exposed

    def log_line_dropped(self) -> None:
        """Count a line of the log that is lost."""
        self._log_dropped.inc()

    @property
    def workers(self) -> tuple[int, int]:
        """The number of processes that are ready to serve, and of those that should be."""
        if self._scoreboard is None:
            return 1, 1
        return len(self._scoreboard.pids), self._scoreboard.wanted

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Write /metrics of all workers together, and tell its media type.

        In Prometheus' text format, or as OpenMetrics for those who accept that, in whichever
        version they ask for: there is one.
        """
        accepted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        wanted = f"{OPENMETRICS}; version=1.0.0" if OPENMETRICS in accepted else ""
        encode, media_type = choose_encoder(wanted)
        return encode(self._exposed), media_type
