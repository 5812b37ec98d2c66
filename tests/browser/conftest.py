"""A real server, and a page of it in a real browser that forgives nothing."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model import artifact
from tests.conftest import random_classifier
from tests.integration.conftest import SHIPPED, Server, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = shutil.which("chromium")
WIDE, NARROW = (1400, 900), (390, 844)

Open = Callable[..., "sync_api.Page"]


# No longer than this package: Playwright's event loop runs meanwhile, and other tests have theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator["sync_api.Browser"]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    # A sandbox cannot be made by root in a container; the pages are our own.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: "sync_api.Browser") -> Iterator[Open]:
    """Opens a server's page; in the end no page has erred, or asked another host for anything.

    ``open_page(server)`` shows it in English, light, 1400 pixels wide; ``hash``, ``size``,
    ``colour_scheme``, ``locale`` and ``allow`` (parts of what may come on the console) change that.
    """
    faults: list[str] = []
    contexts = []

    def opened(
        server: Server,
        hash: str = "",  # noqa: A002 - as browsers call it
        size: tuple[int, int] = WIDE,
        colour_scheme: str = "light",
        locale: str = "en-GB",
        allow: tuple[str, ...] = (),
    ) -> "sync_api.Page":
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=colour_scheme,
            locale=locale,
            reduced_motion="reduce",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()

        def hear(message: "sync_api.ConsoleMessage") -> None:
            if message.type in {"error", "warning"} and not any(a in message.text for a in allow):
                faults.append(f"{message.type}: {message.text}")

        def see(request: "sync_api.Request") -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in {"blob", "data"} and parts.netloc != urlsplit(server.url).netloc:
                faults.append(f"asks another host: {request.url}")

        page.on("console", hear)
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on("request", see)
        page.set_default_timeout(20_000)
        page.goto(f"{server.url}/{hash}")
        page.wait_for_selector("main section")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def page(open_page: Open, tiny_server: Server) -> "sync_api.Page":
    """The page of the small trained model."""
    return open_page(tiny_server)


@pytest.fixture
def shipped_page(open_page: Open, shipped_server: Server) -> "sync_api.Page":
    """The page of the model that a newcomer gets."""
    return open_page(shipped_server)


@pytest.fixture(scope="package")
def tiny_server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the small trained model: one layer of 8 units, from left to right."""
    with serving(trained, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def stacked_server(stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves a random model with two layers that read in both directions."""
    with serving(stacked, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def rnn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves a random simple RNN of two layers, which has neither gates nor a belt."""
    directory = tmp_path_factory.mktemp("models") / "simple"
    classifier = random_classifier(cell="rnn", num_layers=2)
    artifact.save(directory, classifier, golden_text="the film was wonderful", card="# simple\n")
    with serving(directory, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running


@pytest.fixture(scope="package")
def shipped_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the model that a newcomer gets."""
    with serving(SHIPPED, tmp_path_factory.mktemp("logs") / "server.log") as running:
        yield running
