"""Requests: answered, accepted by the queue, rejected, and how the accepted ones came out."""

from conveyor.service.metrics.instruments import SECONDS, Instruments

OUTCOMES = {499: "cancelled", 504: "expired"}


class RequestMetrics:
    """Counts the requests of a process, by route. The routes are those that exist, and "other"."""

    def __init__(self, instruments: Instruments) -> None:
        counter = instruments.counter
        self._requests = counter(
            "http_requests", "Requests answered, by route and status.", ["route", "status"]
        )
        self._seconds = instruments.histogram(
            "http_request_duration_seconds", "From a request to its answer.", SECONDS, ["route"]
        )
        self._accepted = counter("accepted_requests", "Requests that the queue took.", ["route"])
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

    def answered(self, route: str, status: int, seconds: float, accepted: bool) -> None:
        """Count a request that is over; status 0 if its answer never began."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if accepted:
            outcome = "answered" if 0 < status < 400 else OUTCOMES.get(status, "failed")  # noqa: PLR2004
            self._finished.labels(route, outcome).inc()

    def accepted(self, route: str) -> None:
        """Count a request that the queue took."""
        self._accepted.labels(route).inc()

    def rejected(self, reason: str) -> None:
        """Count a request that was refused."""
        self._rejected.labels(reason).inc()

    def tally(self) -> dict[str, int]:
        """Tell how many requests this process has accepted, and how they came out."""
        tally = {"accepted": 0} | dict.fromkeys(("answered", *OUTCOMES.values(), "failed"), 0)
        for counter in (self._accepted, self._finished):
            for metric in counter.collect():
                for sample in metric.samples:
                    if sample.name.endswith("_total"):
                        tally[sample.labels.get("outcome", "accepted")] += int(sample.value)
        return tally
