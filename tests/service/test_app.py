import threading
from collections.abc import Callable
from typing import Any

import pytest

from conveyor.model.artifact.storage import Artifact
from conveyor.model.inference.classifier import Classifier
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.service.app import create_app
from conveyor.service.settings import Settings
from tests.asgi import ask
from tests.conftest import random_classifier


def test_the_event_loop_neither_tokenizes_nor_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[str, threading.Thread] = {}

    def spy(owner: type, name: str) -> Callable[..., Any]:
        original = getattr(owner, name)

        def spied(*arguments: Any, **options: Any) -> Any:
            threads[name] = threading.current_thread()
            return original(*arguments, **options)

        return spied

    for owner, name in ((Tokenizer, "encode"), (Classifier, "reader"), (Classifier, "trace")):
        monkeypatch.setattr(owner, name, spy(owner, name))
    app = create_app(Settings(), Artifact("random", "0", random_classifier()))
    answers = ask(app, ("POST", "/predict"), ("POST", "/states"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert threads["encode"] is not threading.main_thread()
    assert threads["reader"] is threads["trace"]
    assert threads["reader"] not in {threading.main_thread(), threads["encode"]}
