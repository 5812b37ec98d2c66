from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from conveyor.model.artifact.storage import Artifact
from conveyor.service.app import create_app
from conveyor.service.batching.protocols import StepResult
from conveyor.service.metrics.metrics import Metrics
from conveyor.service.settings import Settings
from tests.asgi import ask
from tests.conftest import random_classifier
from tests.integration.conftest import counters

METRICS = Metrics(Artifact("random", "a" * 64, random_classifier()), "1.2.3")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Artifact("random", "a" * 64, random_classifier()), "1.2.3")


def read(metrics: Metrics) -> dict[str, float]:
    return counters(metrics.exposition("")[0].decode())


def test_names_follow_the_rules_of_prometheus(metrics: Metrics) -> None:
    metrics.requests.answered("/predict", 200, 0.1, accepted=True)
    text, media_type = metrics.exposition("text/plain")
    assert media_type.startswith("text/plain")
    families = list(text_string_to_metric_families(text.decode()))
    for family in families:
        if family.name.startswith("process_") or family.name.endswith("_created"):
            continue
        assert family.name.startswith("conveyor_")
        assert family.documentation.endswith("."), family.name
        if family.type == "counter":
            assert all(s.name.endswith(("_total", "_created")) for s in family.samples), family
        if "seconds" in family.name:
            assert family.name.endswith("_seconds"), family.name


def test_openmetrics_for_those_who_accept_it(metrics: Metrics) -> None:
    text, media_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


ODD = "application/openmetrics-text"


@given(
    st.lists(
        st.one_of(
            st.text(st.characters(max_codepoint=255)),
            st.sampled_from([ODD, "text/plain", ";", ",", "version=", "1.0.0", "q=", "escaping="]),
        )
    ).map("".join)
)
@example(f"{ODD}; version=abc")
@example(f"{ODD}; version={'9' * 5000}")
@example(f"{ODD}; version=2.\xe9")
@example("text/plain; version=abc")
def test_whatever_is_accepted_there_is_an_answer(accept: str) -> None:
    text, media_type = METRICS.exposition(accept)
    assert media_type.startswith((ODD, "text/plain"))
    assert media_type.isascii()
    assert (b"# EOF" in text) == (ODD in media_type)


def test_a_variable_of_another_program_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics = Metrics(Artifact("random", "0", random_classifier()), "1")
    metrics.batches.queue(10, 2)
    assert read(metrics)["conveyor_queued_tokens"] == 10
    assert list(tmp_path.iterdir()) == []


def test_lines_that_the_log_lost_are_counted(metrics: Metrics) -> None:
    metrics.log_line_dropped()
    assert read(metrics)["conveyor_dropped_log_lines_total"] == 1


def test_the_model_is_named(metrics: Metrics) -> None:
    name = f'conveyor_model_info{{name="random",sha256="{"a" * 64}",version="1.2.3"}}'
    assert read(metrics)[name] == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "answered"), (499, "cancelled"), (504, "expired"), (500, "failed"), (0, "failed")],
)
def test_accepted_requests_come_out_somehow(metrics: Metrics, status: int, outcome: str) -> None:
    metrics.requests.accepted("/predict")
    metrics.requests.answered("/predict", status, 0.1, accepted=True)
    metrics.requests.answered("/predict", 429, 0.1, accepted=False)
    tally = metrics.requests.tally()
    assert tally.pop("accepted") == 1
    assert {name for name, count in tally.items() if count} == {outcome}


def test_what_a_step_tells(metrics: Metrics) -> None:
    metrics.batches.step("predict", 3, StepResult({}, worked=75, wasted=25), 0.002)
    metrics.batches.joined("predict", 0.02)
    metrics.batches.queue(10, 2)
    metrics.batches.dropped(4)
    seen = read(metrics)
    assert seen['conveyor_batch_texts_sum{kind="predict"}'] == 3
    assert seen['conveyor_batch_tokens_sum{kind="predict"}'] == 75
    assert seen['conveyor_batch_padding_ratio_sum{kind="predict"}'] == 0.25
    assert seen['conveyor_inference_seconds_sum{kind="predict"}'] == 0.002
    assert seen['conveyor_queue_seconds_sum{kind="predict"}'] == 0.02
    assert (seen["conveyor_queued_tokens"], seen["conveyor_queued_texts"]) == (10, 2)
    assert seen["conveyor_dropped_texts_total"] == 4


def test_drift_can_be_seen(metrics: Metrics) -> None:
    unknown, known = 1, 5
    metrics.texts.tokenized([[unknown, known], [], [known] * 3], truncated=1)
    metrics.texts.predicted([np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.05, 0.85])])
    seen = read(metrics)
    assert seen["conveyor_texts_total"] == 3
    assert seen["conveyor_tokens_total"] == 5
    assert seen["conveyor_unknown_tokens_total"] == 1
    assert seen["conveyor_truncated_texts_total"] == 1
    assert seen['conveyor_predictions_total{label="blame"}'] == 1
    assert seen['conveyor_predictions_total{label="mixed feelings"}'] == 0
    assert seen['conveyor_top_score_bucket{le="0.8"}'] == 1
    assert seen["conveyor_top_score_count"] == 2


def test_unknown_paths_are_one_label_value() -> None:
    app = create_app(Settings(), Artifact("random", "0", random_classifier()))
    questions = [("GET", f"/{number}") for number in range(5)]
    questions += [("POST", "/predict"), ("GET", "/livez"), ("POST", "/states")]
    *_, answer = ask(app, *questions, ("GET", "/metrics"))
    seen = counters(answer.text)
    requests = {name: value for name, value in seen.items() if "http_requests_total" in name}
    assert requests == {
        'conveyor_http_requests_total{route="other",status="404"}': 5,
        'conveyor_http_requests_total{route="/predict",status="200"}': 1,
        'conveyor_http_requests_total{route="/states",status="200"}': 1,
        'conveyor_http_requests_total{route="/livez",status="200"}': 1,
    }
    for kind in ("predict", "states"):
        assert seen[f'conveyor_queue_seconds_count{{kind="{kind}"}}'] == 1
    assert seen["process_resident_memory_bytes"] > 1e6


def test_faults_of_the_model_fail_their_own_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that are none fail their text with 500, and the next one works."""
    classifier = random_classifier()
    app = create_app(Settings(), Artifact("random", "0", classifier))
    logits = type(classifier.network).logits
    faults = iter([True, False, True, False])

    def faulty(network: Any, state: Any) -> Any:
        return logits(network, state) * (float("nan") if next(faults) else 1)

    monkeypatch.setattr(type(classifier.network), "logits", faulty)
    questions = [
        ("POST", "/predict"),
        ("POST", "/predict"),
        ("POST", "/states"),
        ("GET", "/readyz"),
    ]
    answers = ask(app, *questions)
    assert [answer.status_code for answer in answers] == [500, 200, 500, 200]
    assert answers[0].json()["error_type"] == "internal"
