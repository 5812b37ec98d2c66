"""Objects that threads share: `python -m tests.service.shared` has eight threads use them at once.

A process of its own, because what goes wrong here may end it. It prints the name of each object
before its turn, and fails where an answer differs from the one that a single thread gets.
"""

import logging
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from conveyor.model.artifact import storage
from conveyor.model.network.selection import Selection
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.types import TokenizerKind
from conveyor.service.api import encoding, json_body, negotiation
from conveyor.service.api.compression import CODINGS
from conveyor.service.api.schemas import PredictRequest, StatesRequest
from conveyor.service.api.state_token import from_token, to_token
from conveyor.service.metrics.metrics import Metrics
from conveyor.service.middleware.api_keys import Keys
from conveyor.service.process.interpreter import SWITCH_SECONDS
from conveyor.service.settings import Settings
from tests.conftest import random_classifier, reviews

THREADS = 8
ROUNDS = 16

Case = tuple[str, Callable[[int], Any]]


def cases() -> Iterator[Case]:
    """List shared objects, each with a use of it: from the number of a round to a value."""
    texts = [" ".join(e.text for e in reviews(1 + n, seed=n)) for n in range(ROUNDS)]
    for name, compress in CODINGS.items():
        bodies = [text.encode() * 400 for text in texts]
        yield f"coding {name}", partial(_apply, compress, bodies)

    kinds: tuple[TokenizerKind, ...] = ("word", "bpe")
    for kind in kinds:
        tokenizer = Tokenizer.train(texts, kind, 300)
        lists = [[text, "é\u200b!"] for text in texts]
        yield f"tokenizer {kind}", partial(_apply, tokenizer.encode, lists)
        yield f"ids {kind}", partial(_apply, partial(tokenizer.encode, offsets=False), lists)

    classifier = random_classifier(num_layers=2, max_tokens=5000)
    read = classifier.encode(texts)
    selection = Selection(units=[1, 0], step_scores=True, contributions=True, end=True)
    yield "network, predicting", lambda n: classifier.predict(read[n : n + 2])
    yield "network, tracing", lambda n: arrays(classifier.trace(read[n : n + 1], selection))

    sha256 = "0" * 64
    traces = classifier.trace(read, selection)
    results = [
        encoding.Result(*answer, sha256=sha256)
        for answer in zip(texts, read, [False] * ROUNDS, traces, strict=True)
    ][:4]
    states = encoding.States(classifier.config.labels, [1, 0], results)
    for media_type, form in encoding.FORMATS.items():
        yield media_type, partial(_apply, partial(form.write, states), [None] * ROUNDS)
    ends = [to_token(trace.end, sha256) for trace in traces if trace.end]
    yield "state", lambda n: to_token(from_token(ends[n], classifier.config, sha256), sha256)

    accept = "application/x-npz;q=0.{}, */*;q=0.1"
    yield "media type", lambda n: negotiation.media_type(accept.format(n), list(encoding.FORMATS))
    yield "content type", lambda n: json_body._is_json(f"application/{n}+json")
    yield "schema /predict", lambda n: PredictRequest.model_validate({"inputs": texts[n]})
    asked = {"inputs": texts, "units": ["0:2"], "steps": "::2", "decimals": 3}
    yield "schema /states", lambda n: StatesRequest.model_validate(asked | {"layers": [n]})
    keys = Keys.from_settings(Settings(api_keys="a,b,c"))
    assert keys is not None
    yield "keys", lambda n: keys.match(f"Bearer {'abcd'[n % 4]}")

    with tempfile.TemporaryDirectory() as directory:
        storage.save(Path(directory), classifier, golden_text="film", card="# shared\n")
        loaded = storage.load(Path(directory))
    yield "artifact", lambda _: loaded.classifier.config.model_dump_json()
    settings = Settings()
    yield "settings", lambda _: settings.model_dump_json()
    rows = [np.array([0.2, 0.5, 0.3], np.float32)] * 3
    metrics = Metrics(loaded, "0")
    yield "metrics", lambda _: metrics.texts.predicted(rows)
    log = logging.getLogger("tests.shared")
    yield "log", lambda n: log.info("round %d", n)


def _apply(use: Callable[[Any], Any], arguments: list[Any], number: int) -> Any:
    return use(arguments[number])


def arrays(traces: Any) -> list[Any]:
    """All numbers of some traces."""
    found: list[Any] = []
    for trace in traces:
        found += [trace.probabilities, trace.step_scores, *trace.contributions.values()]
        found += [array for layer in trace.layers for array in layer.tensors.values()]
        found += [trace.end.hidden, trace.end.cell, trace.end.largest, trace.end.total]
    return found


def same(one: Any, other: Any) -> bool:
    """Compare two answers, numbers within what their order of adding leaves open."""
    if isinstance(one, np.ndarray):
        return bool(np.allclose(one, other, atol=1e-6))
    if isinstance(one, list):
        return all(map(same, one, other))
    return bool(one == other)


def hammer(name: str, use: Callable[[int], Any]) -> None:
    """Let all threads use it at once, each in another order. Raises AssertionError."""
    expected = [use(number) for number in range(ROUNDS)]
    wrong: list[str] = []
    begin = threading.Barrier(THREADS)

    def work(seed: int) -> None:
        order = random.Random(seed).sample(range(ROUNDS), ROUNDS)
        begin.wait()
        try:
            for number in order:
                assert same(use(number), expected[number]), f"round {number} has another answer"
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has to see it
            wrong.append(f"{name}: {error!r}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def main() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)  # as in the server
    for name, use in cases():
        print(name, flush=True)  # noqa: T201 - for the test to read
        hammer(name, use)
    print("all", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
