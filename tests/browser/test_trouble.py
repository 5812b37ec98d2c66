"""Failures are told in people's words, and the page goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, answered, until
from tests.integration.conftest import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

REFUSED = ("Failed to load resource",)  # what Chromium says of every answer that is an error


def refuse(status: int, sentence: str, **headers: str) -> "Callable[[Route], None]":
    body = json.dumps({"error": sentence, "error_type": "x"})
    return lambda route: route.fulfill(status=status, body=body, headers=headers)


def problem(page: "Page") -> str:
    page.wait_for_selector(".problem:not(:empty)")
    return page.inner_text(".problem")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (413, "more than this server takes at once: shorten the text. (It is 9 MB.)"),
        (422, "cannot take this text: It is 9 MB."),
        (429, "The server is busy."),
        (500, "The server made a mistake"),
        (503, "shutting down or has just started"),
        (504, "did not answer in time"),
        (418, "The server says: It is 9 MB."),
    ],
)
def test_a_refusal_is_said_and_what_is_shown_stays(
    open_page: Open, tiny_server: Server, status: int, says: str
) -> None:
    page = open_page(tiny_server, allow=REFUSED, text="a great film")
    page.route("**/states", refuse(status, "It is 9 MB."))
    page.fill("#text textarea", "an awful film")
    assert says in problem(page)
    assert page.inner_text("#text .best-label") == "praise"
    assert page.inner_text("#belief .tokens") == "a great film"
    page.click("text=中文")
    until(page, "!document.querySelector('.problem').textContent.includes('server')")
    page.unroute("**/states")
    answered(page, "an awful dull film")
    assert page.locator(".problem").is_hidden()
    assert page.inner_text("#text .best-label") == "blame"


def test_a_busy_server_is_asked_again_when_it_says(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, allow=REFUSED, text="a great film")
    asked: list[str] = []

    def first_refused(route: "Route") -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            refuse(429, "Wait.", **{"retry-after": "1"})(route)
        else:
            route.continue_()

    page.route("**/states", first_refused)
    page.fill("#text textarea", "an awful film")
    assert "busy" in problem(page)
    answered(page)
    assert len(asked) == 2
    assert page.inner_text("#text .best-label") == "blame"


def test_a_server_that_goes_away_and_comes_back(
    open_page: Open, trained: Path, tmp_path: Path
) -> None:
    with serving(trained, tmp_path / "log") as server:
        page = open_page(server, allow=REFUSED, text="a great film")
    page.fill("#text textarea", "an awful film")
    assert "cannot be reached" in problem(page)
    assert page.inner_text("#text .best-label") == "praise"
    port = server.url.rpartition(":")[2]
    with serving(trained, tmp_path / "log", "--port", port):
        answered(page)
        assert page.inner_text("#text .best-label") == "blame"
        assert page.locator(".problem").is_hidden()


def test_with_keys_the_page_asks_for_one(open_page: Open, trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log", "--api-keys", "secret") as server:
        page = open_page(server, allow=REFUSED, wait=False, text="a great film")
        assert "asks for an API key" in problem(page)
        page.wait_for_selector(".key input:focus")
        page.click("text=中文")
        page.wait_for_selector(".problem:has-text('密钥')")
        assert page.locator(".key").is_visible()
        assert page.evaluate("document.activeElement.lang") == "zh"  # the field has not taken it
        page.click("text=English")
        page.fill(".key input", "wrong")
        page.keyboard.press("Enter")
        assert "asks for an API key" in problem(page)
        page.fill(".key input", "secret")
        page.keyboard.press("Enter")
        answered(page)
        assert page.inner_text("#text .best-label") == "praise"
        assert page.locator(".key").is_hidden()
        assert page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [
            0,
            "",
            1,
        ]
        assert "secret" not in page.url
        page.reload()
        answered(page)
