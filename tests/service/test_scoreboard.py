"""The numbers of several workers, in memory that they share."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conveyor.model.artifact.storage import Artifact
from conveyor.service.batching.protocols import StepResult
from conveyor.service.metrics.metrics import Metrics
from conveyor.service.scoreboard import Scoreboard, Slot
from tests.conftest import random_classifier
from tests.integration.conftest import counters

ARTIFACT = Artifact("random", "a" * 64, random_classifier())


@pytest.fixture
def scoreboard() -> Iterator[Scoreboard]:
    board = Scoreboard(2)
    yield board
    board.close()


def worker(scoreboard: Scoreboard, place: int, sha256: str = "a" * 64) -> Metrics:
    return Metrics(Artifact("random", sha256, ARTIFACT.classifier), "1", Slot(scoreboard, place))


def work(metrics: Metrics, times: int) -> None:
    for number in range(times):
        metrics.requests.accepted("/predict")
        metrics.requests.answered("/predict", 200, 0.25 * number, accepted=True)
        metrics.batches.step("predict", 3, StepResult({}, worked=75 * number, wasted=0), 0.125)
        metrics.batches.queue(10, 2)
        metrics.requests.rejected(f"reason {number}")


def read(metrics: Metrics) -> dict[str, float]:
    """Read /metrics of the service; the process is one of pytest's."""
    text = metrics.exposition("")[0].decode()
    assert list(text_string_to_metric_families(text))
    return {
        name: value
        for name, value in counters(text).items()
        if not name.startswith("process_") and "_created" not in name and "workers" not in name
    }


def test_whoever_is_asked_tells_the_numbers_of_all(scoreboard: Scoreboard) -> None:
    """They are those that one process would have that did all the work."""
    alone = Metrics(ARTIFACT, "1")
    work(alone, 3)
    work(alone, 5)
    expected = read(alone)
    workers = []
    for place, times in enumerate((3, 5)):
        workers.append(worker(scoreboard, place))
        scoreboard.enter(place, 1)
        work(workers[-1], times)
    expected["conveyor_queued_tokens"] *= 2  # each has a queue
    expected["conveyor_queued_texts"] *= 2
    assert read(workers[0]) == read(workers[1]) == expected
    assert expected['conveyor_http_request_duration_seconds_count{route="/predict"}'] == 8


def test_it_grows_with_what_there_is_to_count(scoreboard: Scoreboard) -> None:
    metrics = worker(scoreboard, 0)
    work(metrics, 2000)
    seen = read(metrics)
    assert sum("rejected" in name for name in seen) == 2000


def test_a_successor_goes_on_from_the_counts_of_a_worker(scoreboard: Scoreboard) -> None:
    work(worker(scoreboard, 0, "a" * 64), 3)
    scoreboard.enter(0, 1)
    scoreboard.leave(0)
    other = worker(scoreboard, 1)
    work(other, 1)
    seen = read(other)  # counts last, and what was so once is no more
    accepted = 'conveyor_accepted_requests_total{route="/predict"}'
    assert seen[accepted] == 4
    assert "conveyor_queued_tokens" not in seen
    successor = worker(scoreboard, 0, "b" * 64)
    scoreboard.enter(0, 1)
    assert read(other)["conveyor_queued_tokens"] == 0
    [info] = [name for name in read(other) if "model_info" in name]
    assert "b" * 64 in info
    work(successor, 2)
    assert read(other)[accepted] == 6
    assert successor.requests.tally()["accepted"] == 2  # its own


def test_how_many_workers_there_are(scoreboard: Scoreboard) -> None:
    metrics = worker(scoreboard, 0)
    assert metrics.workers == (0, 2)
    scoreboard.enter(1, 1)
    assert metrics.workers == (1, 2)
    seen = counters(metrics.exposition("")[0].decode())
    assert (seen["conveyor_ready_workers"], seen["conveyor_workers"]) == (1, 2)
    assert Metrics(ARTIFACT, "1").workers == (1, 1)


def test_a_histogram_that_is_just_being_made_is_left_out(scoreboard: Scoreboard) -> None:
    metrics = worker(scoreboard, 0)
    value = Slot(scoreboard, 1).value_class()
    name = "conveyor_batch_texts"
    value("histogram", name, f"{name}_sum", ["kind"], ["new"], "Text.")
    value("histogram", name, f"{name}_bucket", ["kind", "le"], ["new", "1.0"], "Text.")
    assert not [name for name in read(metrics) if "new" in name]
