import logging

import pytest

from conveyor.model.artifact.storage import Artifact
from conveyor.service.app import create_app
from conveyor.service.settings import Settings
from tests.asgi import ask
from tests.conftest import random_classifier


def test_health_checks_that_are_passed_are_told_to_those_who_look_for_faults_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(Settings(), Artifact("random", "0", random_classifier()))
    caplog.set_level(logging.DEBUG, "conveyor.access")
    paths = ["/livez", "/readyz", "/metrics", "/info"]
    ask(app, *[("GET", path) for path in paths], ("POST", "/livez"))
    app.state.context.lifecycle.draining = True
    ask(app, ("GET", "/readyz"), started=False)
    levels = [record.levelname for record in caplog.records if record.name == "conveyor.access"]
    assert levels == ["DEBUG"] * 3 + ["INFO"] * 3  # a call, a wrong method, and one that fails


def test_a_method_of_any_length_is_told_in_few_words(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(), Artifact("random", "0", random_classifier()))
    caplog.set_level(logging.DEBUG, "conveyor.access")
    [answer] = ask(app, ("A" * 30_000, "/predict"))
    assert answer.status_code == 405
    assert len(answer.text) < 200
    [line] = [record for record in caplog.records if record.name == "conveyor.access"]
    assert len(line.getMessage()) < 100
