"""A real server, and a page of it in a real browser that forgives nothing."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlencode, urlsplit

import pytest

from conveyor import PRETRAINED, SHIPPED
from conveyor.model.artifact import storage
from tests.conftest import random_classifier
from tests.integration.conftest import Server, serving
from tests.process import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

WIDE, NARROW = (1400, 900), (390, 844)

# As root, which CI is, Chromium has no sandbox; the pages are our own.
FLAGS = ["--no-sandbox"] if os.geteuid() == 0 else []


class Open(Protocol):
    """Opens a server's page, and waits for its answer; its link says ``state``, or is ``hash``.

    In the end no page may have erred, warned, or asked another host for anything; ``allow`` has
    parts of what may come on the console.
    """

    def __call__(
        self,
        server: Server,
        hash: str = "",  # noqa: A002 - as browsers call it
        size: tuple[int, int] = WIDE,
        colour_scheme: Literal["light", "dark"] = "light",
        locale: str = "en-GB",
        allow: tuple[str, ...] = (),
        wait: bool = True,
        **state: object,
    ) -> "Page": ...


# No longer than this package: Playwright's event loop runs meanwhile, and other tests have theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator["Browser"]:
    """Start Debian's Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium here")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Open]:
    faults: list[str] = []
    contexts = []

    def opened(
        server: Server,
        hash: str = "",  # noqa: A002 - as browsers call it
        size: tuple[int, int] = WIDE,
        colour_scheme: Literal["light", "dark"] = "light",
        locale: str = "en-GB",
        allow: tuple[str, ...] = (),
        wait: bool = True,
        **state: object,
    ) -> "Page":
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=colour_scheme,
            locale=locale,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE)
        page = context.new_page()

        def hear(message: "ConsoleMessage") -> None:
            if message.type in {"error", "warning"} and not any(a in message.text for a in allow):
                faults.append(f"{message.type}: {message.text}")

        def see(request: "Request") -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in {"blob", "data"} and parts.netloc != urlsplit(server.url).netloc:
                faults.append(f"asks another host: {request.url}")

        page.on("console", hear)
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on("request", see)
        page.goto(f"{server.url}/{hash or '#' + urlencode(state)}")
        if wait:
            answered(page)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # what is still under way is nobody's fault
        context.close()
    assert not faults, "\n".join(faults)


def answered(page: "Page", text: str | None = None) -> None:
    """Wait until what the page shows is the answer to this text, or to the one in its field."""
    if text is not None:
        page.fill("#text textarea", text)
    page.evaluate("() => new Promise(requestAnimationFrame)")  # the change is told once a frame
    page.wait_for_selector("main[data-answered=true]")


def until(page: "Page", expression: str, argument: object = None) -> None:
    """Wait until this JavaScript is true.

    Playwright's own ``wait_for_function`` needs what the page's policy forbids, as it should.
    """
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"This does not become true: {expression}"
        page.wait_for_timeout(20)


def settle(page: "Page", milliseconds: int) -> None:
    """Wait until the page itself has come so far, and has drawn what it has done."""
    page.evaluate(
        """(milliseconds) => new Promise((done) => setTimeout(
          () => requestAnimationFrame(() => requestAnimationFrame(done)), milliseconds
        ))""",
        milliseconds,
    )


@pytest.fixture
def page(open_page: Open, tiny_server: Server) -> "Page":
    """Open the page of the small trained model, which has read three sentences."""
    return open_page(tiny_server, text="The story was so dull. But he was warm, and she brilliant.")


@pytest.fixture
def shipped_page(open_page: Open, shipped_server: Server) -> "Page":
    """Open the page that a newcomer gets."""
    return open_page(shipped_server)


@pytest.fixture(scope="package")
def tiny_server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the small trained model: one layer of 8 units, from left to right."""
    with serving(trained, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def stacked_server(stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a random model with two layers that read in both directions."""
    with serving(stacked, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def rnn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a random simple RNN of two layers, which has neither gates nor a cell state."""
    directory = tmp_path_factory.mktemp("models") / "simple"
    classifier = random_classifier(cell="rnn", num_layers=2)
    storage.save(directory, classifier, golden_text="the film was wonderful", card="# simple\n")
    with serving(directory, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def shipped_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the model that a newcomer gets."""
    with serving(SHIPPED, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="module")
def chinese_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the model of Chinese reviews."""
    log = tmp_path_factory.mktemp("logs") / "server.log"
    with serving(PRETRAINED / "chinese-sentiment", log) as running:
        yield running


@pytest.fixture(scope="module")
def wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a random model of 300 units, more than rows of a readable height have room for."""
    directory = tmp_path_factory.mktemp("models") / "wide"
    classifier = random_classifier(hidden_size=300, max_tokens=3000)
    storage.save(directory, classifier, golden_text="the film was wonderful", card="# wide\n")
    log = tmp_path_factory.mktemp("logs") / "server.log"
    # All tensors of a text that may be so long would be too much for the first answer.
    with serving(directory, log, "--max-response-bytes", "22000000") as running:
        yield running
