"""A tiny language in which a classifier can be trained in a second, and artifacts made from it."""

import functools
import os
import random
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.tokenizer import PAD_ID, UNK_ID, Tokenizer
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import train
from tests.fork_server import close
from tests.process import PATIENCE

# The developer's own settings are none of the tests' business.
for name in [name for name in os.environ if name.startswith("CONVEYOR_")]:
    del os.environ[name]

# A shell that runs `make test` in the background ignores these for it, and for its children.
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# The models are tiny: a second thread would cost more than it brings.
torch.set_num_threads(1)

# The same examples in every run, here and anywhere; `make fuzz` draws new ones.
settings.register_profile(
    "same",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=True,
    database=None,
)
settings.register_profile("fuzz", settings.get_profile("same"), derandomize=False)
# For `make mutate`, which asks of each change only whether any example notices.
settings.register_profile(
    "mutants",
    settings.get_profile("same"),
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("same")

# httpx waits for five seconds, of which a busy machine may need all.
for part in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, part, PATIENCE)

# Each client would have TLS certificates of its own, for 30 ms; no server here has any.
transport: Any = httpx._transports.default
transport.create_ssl_context = functools.cache(httpx.create_ssl_context)

WORDS = {
    "praise": ["wonderful", "moving", "great", "brilliant", "warm"],
    "blame": ["dull", "awful", "boring", "clumsy", "cold"],
}
FILLERS = ["the", "film", "was", "and", "its", "story", "so", "an", "actor", "she", "he", "it"]

TINY = TrainingSettings(
    embedding_dim=12,
    hidden_size=8,
    epochs=6,
    batch_size=16,
    learning_rate=0.02,
    dropout=0.1,
    embedding_dropout=0.1,
    device="cpu",
)


def reviews(count: int, seed: int = 0) -> list[Example]:
    """Make sentences with one telling word each, which decides the label."""
    rng = random.Random(seed)
    examples = []
    for _ in range(count):
        label = rng.choice(sorted(WORDS))
        words = rng.choices(FILLERS, k=rng.randint(2, 12))
        words.insert(rng.randint(0, len(words)), rng.choice(WORDS[label]))
        examples.append(Example(" ".join(words) + ".", label))
    return examples


# The most by which a step may pass on a difference between two states before it. A tanh passes on
# no more than it gets, so of what rounding adds at each step, a half is left one step later and a
# quarter two: in all twice the rounding of one step, some 1e-7, however long the text is. From 1 on
# the network may be chaotic, and no tolerance would be right.
CONTRACTION = 0.5


def random_network(config: ModelConfig, seed: int = 0) -> LSTMClassifier:
    """Make a network with random weights, large enough to move the gates, and not to be chaotic."""
    torch.manual_seed(seed)
    network = LSTMClassifier(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-0.5, 0.5)
        for name, weights in network.recurrent.named_parameters():
            if name.startswith("weight_hh"):
                for gate in torch.split(weights, config.hidden_size):
                    most = torch.linalg.matrix_norm(gate, 2)
                    gate.mul_((CONTRACTION / most).clamp(max=1))
    return network.eval().requires_grad_(False)


def random_classifier(seed: int = 0, **changes: object) -> Classifier:
    """Make a classifier of random weights over the tiny language."""
    tokenizer = Tokenizer.train([e.text for e in reviews(50)], "word", 300)
    config = ModelConfig.model_validate(
        {
            "vocab_size": tokenizer.vocab_size,
            "embedding_dim": 5,
            "hidden_size": 4,
            "id2label": {0: "blame", 1: "mixed feelings", 2: "praise"},
            "max_tokens": 50,
            "pad_token_id": PAD_ID,
            "unk_token_id": UNK_ID,
            **changes,
        }
    )
    return Classifier(config, random_network(config, seed), tokenizer)


# The longest first, so that all processes of a run come to their end together.
FOLDERS = ("container", "browser", "integration", "tests", "bench", "deploy", "model")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a file's tests share a process of `pytest --numprocesses`, as they share fixtures.

    And all that deal with the whole machine: there is one Docker daemon, with one set of ports, and
    when a container's network comes or goes, a browser drops what it is loading.
    """
    for item in items:
        file = item.path.relative_to(item.config.rootpath)
        machine = item.path.parent.name in {"browser", "container"}
        item.add_marker(pytest.mark.xdist_group("machine" if machine else str(file)))
    places = {name: place for place, name in enumerate(FOLDERS)}
    items.sort(key=lambda item: places.get(item.path.parent.name, len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let nothing be skipped in CI, where everything that a test may need is there."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> Iterator[None]:
    """Let the process that forks for commands end, and tell its coverage."""
    yield
    close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model on the tiny language; its directory."""
    directory = tmp_path_factory.mktemp("models") / "tiny-reviews"
    train(reviews(300), TINY, directory)
    return directory


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model that takes a second or so for some thousand tokens; its directory."""
    directory = tmp_path_factory.mktemp("models") / "slow"
    classifier = random_classifier(hidden_size=1024, max_tokens=5000)
    storage.save(directory, classifier, golden_text="film", card="# slow\n")
    return directory


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a small random model that reads long texts; its directory."""
    directory = tmp_path_factory.mktemp("models") / "patient"
    classifier = random_classifier(max_tokens=5000)
    storage.save(directory, classifier, golden_text="film", card="# patient\n")
    return directory


@pytest.fixture(scope="session")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a random model with two layers that read in both directions; its directory."""
    directory = tmp_path_factory.mktemp("models") / "stacked"
    classifier = random_classifier(num_layers=2, bidirectional=True)
    storage.save(directory, classifier, golden_text="the film was wonderful", card="# stacked\n")
    return directory
