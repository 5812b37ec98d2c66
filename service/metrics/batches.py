"""The queue of the model, and its batches."""

from conveyor.service.batching.protocols import Observer, StepResult
from conveyor.service.metrics.instruments import SECONDS, SHARES, SIZES, Instruments


class BatchMetrics(Observer):
    """Measures the texts that wait for the model of a process, and the steps that read them."""

    def __init__(self, instruments: Instruments) -> None:
        gauge, histogram, kind = instruments.gauge, instruments.histogram, ["kind"]
        self._dropped = instruments.counter(
            "dropped_texts", "Texts that left the queue before they ran, as nobody waited for them."
        )
        self._queued_tokens = gauge("queued_tokens", "Tokens that wait for the model.", "livesum")
        self._queued_texts = gauge("queued_texts", "Texts that wait for the model.", "livesum")
        self._queue_seconds = histogram(
            "queue_seconds", "How long a text waited for the model.", SECONDS, kind
        )
        self._texts = histogram("batch_texts", "Texts read in a step.", SIZES, kind)
        self._tokens = histogram("batch_tokens", "Tokens read in a step.", SIZES, kind)
        self._padding = histogram(
            "batch_padding_ratio", "Share of padding in what a step read.", SHARES, kind
        )
        self._inference_seconds = histogram(
            "inference_seconds", "How long the model took for a step.", SECONDS, kind
        )

    def queue(self, cost: int, jobs: int) -> None:
        """Set the tokens and texts that wait now."""
        self._queued_tokens.set(cost)
        self._queued_texts.set(jobs)

    def joined(self, kind: str, waited: float) -> None:
        """Measure the seconds after which a text is being read."""
        self._queue_seconds.labels(kind).observe(waited)

    def step(self, kind: str, jobs: int, stepped: StepResult, seconds: float) -> None:
        """Measure a step of the model."""
        self._texts.labels(kind).observe(jobs)
        self._tokens.labels(kind).observe(stepped.worked)
        read = stepped.worked + stepped.wasted
        self._padding.labels(kind).observe(stepped.wasted / read if read else 0)
        self._inference_seconds.labels(kind).observe(seconds)

    def dropped(self, jobs: int) -> None:
        """Count texts that left the queue before they ran."""
        self._dropped.inc(jobs)
