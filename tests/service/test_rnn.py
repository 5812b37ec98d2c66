"""A simple RNN is served as an LSTM is, except that it has no gates and no belt to look at."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from conveyor.model.artifact import storage
from conveyor.service.app import create_app
from conveyor.service.settings import Settings
from tests.asgi import ask
from tests.conftest import random_classifier


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "simple"
    classifier = random_classifier(cell="rnn", num_layers=2)
    storage.save(directory, classifier, golden_text="the film was wonderful", card="# simple\n")
    return directory


@pytest.fixture
def app(directory: Path) -> FastAPI:
    return create_app(Settings(), storage.load(directory))


def states(app: FastAPI, **body: Any) -> httpx.Response:
    [answer] = ask(app, ("POST", "/states"), body=body)
    return answer


def test_it_predicts(app: FastAPI) -> None:
    [answer] = ask(app, ("POST", "/predict"), body={"inputs": "a wonderful film"})
    assert answer.status_code == 200
    assert sum(each["score"] for each in answer.json()[0]) == pytest.approx(1)


def test_its_states_are_all_that_there_is_to_see(app: FastAPI) -> None:
    answer = states(
        app, inputs="a wonderful film", step_scores=True, summaries=True, contributions=True
    )
    assert answer.status_code == 200
    [result] = answer.json()["results"]
    for layer in result["layers"]:
        assert layer.keys() == {"layer", "direction", "hidden", "summaries"}
        assert np.shape(layer["hidden"]) == (3, 4)
        assert layer["summaries"].keys() == {"hidden_norm"}
    scores = {each["label"]: each["score"] for each in result["prediction"]}
    shares = result["contributions"]
    assert shares.keys() == {"bias", "forward"}
    odds = np.exp(np.array(shares["bias"]) + np.sum(shares["forward"], axis=1))
    assert dict(zip(answer.json()["labels"], odds / odds.sum(), strict=True)) == pytest.approx(
        scores, abs=1e-5
    )
    last = dict(zip(answer.json()["labels"], result["step_scores"][-1], strict=True))
    assert last == pytest.approx(scores, abs=1e-6)


def test_a_gate_of_it_is_refused(app: FastAPI) -> None:
    answer = states(app, inputs="a", tensors=["hidden", "forget_gate"])
    assert answer.status_code == 422
    assert answer.json()["error"] == (
        'tensors[1] is "forget_gate", but the model is a simple RNN, which only has "hidden".'
    )
    assert states(app, inputs="a", tensors=["hidden"]).status_code == 200
    assert states(app, inputs="a", tensors=[]).json()["results"][0]["layers"][0].keys() == {
        "layer",
        "direction",
    }


def test_a_text_in_pieces(app: FastAPI) -> None:
    first = states(app, inputs="a wonderful", return_state=True).json()["results"][0]
    second = states(app, inputs="film", state=first["state"]).json()["results"][0]
    whole = states(app, inputs="a wonderful film").json()["results"][0]
    np.testing.assert_allclose(
        second["layers"][1]["hidden"][-1], whole["layers"][1]["hidden"][-1], atol=1e-6
    )


def test_its_size_is_estimated_by_the_tensors_that_it_has(directory: Path) -> None:
    """Twenty tokens of two layers of four units: some 2 kB of states, where an LSTM has 12 kB."""
    tight = create_app(Settings(max_response_bytes=4000), storage.load(directory))
    assert states(tight, inputs="film " * 20).status_code == 200


def test_what_is_said_about_it(app: FastAPI) -> None:
    [answer] = ask(app, ("GET", "/info"))
    assert answer.json()["config"]["cell"] == "rnn"
    assert answer.json()["parameters"]["formula"] == "4*(4+5) + 4*(4+4)"
