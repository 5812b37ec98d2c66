from pathlib import Path

import httpx
import numpy as np
from huggingface_hub import InferenceClient
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.artifact import storage
from conveyor.service.api.routes.predict import _truncated
from tests.conftest import reviews
from tests.integration.conftest import Server

TEXTS = [example.text for example in reviews(50, seed=3)]


def test_a_text_gets_one_list_of_labels_best_first(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": "a wonderful film"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    [scores] = answer.json()
    assert [row["label"] for row in scores] == ["praise", "blame"]
    assert scores[0]["score"] > scores[1]["score"]
    assert abs(sum(row["score"] for row in scores) - 1) < 1e-6


def test_many_texts_are_answered_in_their_order(client: httpx.Client) -> None:
    together = client.post("/predict", json={"inputs": TEXTS}).json()
    for text, scores in zip(TEXTS, together, strict=True):
        [alone] = client.post("/predict", json={"inputs": text}).json()
        assert [row["label"] for row in alone] == [row["label"] for row in scores]
        for one, other in zip(alone, scores, strict=True):
            assert abs(one["score"] - other["score"]) < 1e-6
    expected = [example.label for example in reviews(50, seed=3)]
    assert np.mean([row[0]["label"] for row in together] == np.array(expected)) > 0.9


def test_the_scores_are_the_classifier_s(trained: Path, client: httpx.Client) -> None:
    classifier = storage.load(trained).classifier
    expected = classifier.predict(classifier.encode(TEXTS))
    for scores, row in zip(
        client.post("/predict", json={"inputs": TEXTS}).json(), expected, strict=True
    ):
        by_label = {entry["label"]: entry["score"] for entry in scores}
        np.testing.assert_allclose(
            [by_label[label] for label in classifier.config.labels], row, atol=1e-6
        )


def test_top_k(client: httpx.Client) -> None:
    for k, count in ((1, 1), (1.0, 1), (2, 2), (99, 2), (None, 2)):
        body = {"inputs": ["good", "bad"], "parameters": {"top_k": k}}
        assert [len(row) for row in client.post("/predict", json=body).json()] == [count, count]


def test_the_client_of_the_hugging_face_hub_understands_it(server: Server) -> None:
    answer = InferenceClient(f"{server.url}/predict").text_classification("a wonderful film")
    assert answer[0].label == "praise"
    assert answer[0].score > 0.5


def test_a_text_without_tokens_is_answered_by_the_initial_state(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": ["", " \n"]})
    assert answer.status_code == 200
    assert answer.headers["x-compute-tokens"] == "0"
    first, second = answer.json()
    assert first == second


@given(texts=st.lists(st.text(max_size=50), min_size=1, max_size=5))
def test_any_unicode_text_is_answered(client: httpx.Client, texts: list[str]) -> None:
    answer = client.post("/predict", json={"inputs": texts})
    assert answer.status_code == 200
    assert len(answer.json()) == len(texts)


def test_a_long_text_is_truncated_to_its_end_on_request(client: httpx.Client) -> None:
    text = "dull " * 5000 + "wonderful " * 600
    refused = client.post("/predict", json={"inputs": text})
    assert refused.status_code == 413
    answer = client.post("/predict", json={"inputs": text, "truncate": True})
    assert answer.headers["x-compute-tokens"] == "600"
    assert answer.json() == client.post("/predict", json={"inputs": "wonderful " * 600}).json()


def test_times_and_tokens_are_in_the_headers(client: httpx.Client) -> None:
    headers = client.post("/predict", json={"inputs": ["a film", "the"]}).headers
    stages = [float(headers[f"x-{stage}-time"]) for stage in ("tokenization", "queue", "inference")]
    assert all(stage >= 0 for stage in stages)
    assert float(headers["x-total-time"]) > sum(stages)
    assert headers["x-compute-tokens"] == "3"


def test_a_request_id_is_given_or_kept(client: httpx.Client) -> None:
    given_id = "0123456789abcdef0123456789abcdef"
    headers = {"x-request-id": given_id}
    assert client.get("/livez", headers=headers).headers["x-request-id"] == given_id
    made = {client.get("/livez").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


def test_it_tells_which_texts_were_cut(client: httpx.Client) -> None:
    long, short = "dull " * 601, "wonderful"
    answer = client.post("/predict", json={"inputs": [short, long, short, long], "truncate": True})
    assert answer.headers["x-truncated"] == "1, 3"
    answer = client.post("/predict", json={"inputs": [short, "dull " * 600], "truncate": True})
    assert "x-truncated" not in answer.headers


def test_of_many_texts_that_were_cut_it_names_a_hundred() -> None:
    numbers = [str(number) for number in range(0, 202, 2)]
    assert _truncated([True, False] * 100) == {"x-truncated": ", ".join(numbers[:100])}
    assert _truncated([True, False] * 101) == {"x-truncated": ", ".join(numbers[:100]) + ", ..."}
