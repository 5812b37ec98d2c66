"""Type, and see what the model makes of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser.conftest import Open, answered
from tests.integration.conftest import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request, Route


def shares(page: "Page") -> dict[str, str]:
    """Read each label with the share that is written beside it."""
    rows = page.locator("#text .label").all()
    return {row.locator(".name").inner_text(): row.locator(".share").inner_text() for row in rows}


@pytest.fixture(scope="module")
def short_server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the small model, which may read five tokens."""
    log = tmp_path_factory.mktemp("logs") / "server.log"
    with serving(trained, log, "--max-tokens", "5") as running:
        yield running


@pytest.mark.parametrize("text", ["a wonderful film", "an awful film, so dull", ""])
def test_the_answer_is_that_of_predict(page: "Page", tiny_server: Server, text: str) -> None:
    answered(page, text)
    [scores] = httpx.post(f"{tiny_server.url}/predict", json={"inputs": text}).json()
    assert shares(page) == {row["label"]: f"{100 * row['score']:.1f} %" for row in scores}
    assert page.inner_text("#text .best-label") == scores[0]["label"]
    for row in page.locator("#text .label").all():
        fill, track = row.locator(".fill").bounding_box(), row.locator(".track").bounding_box()
        assert fill is not None
        assert track is not None
        share = float(row.locator(".share").inner_text().split()[0]) / 100
        assert fill["width"] / track["width"] == pytest.approx(share, abs=0.02)


def test_it_follows_the_typing_and_drops_what_is_stale(page: "Page") -> None:
    asked: list[str] = []

    def note(request: "Request") -> None:
        if request.url.endswith("/states"):
            asked.append(json.loads(request.post_data or "")["inputs"])

    page.on("request", note)
    page.fill("#text textarea", "")
    answered(page)
    page.locator("#text textarea").press_sequentially("the film was great", delay=20)
    answered(page)
    assert asked[-1] == "the film was great"
    assert len(asked) < len("the film was great")
    assert page.inner_text("#text .best-label") == "praise"


def test_a_request_under_way_is_broken_off_by_the_next(page: "Page") -> None:
    failed: list[str] = []

    def note(request: "Request") -> None:
        failed.append(json.loads(request.post_data or "")["inputs"])

    def hold(route: "Route") -> None:
        if "awful" not in (route.request.post_data or ""):
            route.continue_()

    page.on("requestfailed", note)
    page.route("**/states", hold)
    with page.expect_request("**/states"):
        page.fill("#text textarea", "an awful film")
    answered(page, "a great film")
    assert failed == ["an awful film"]
    assert page.inner_text("#text .best-label") == "praise"


def test_the_tokens_are_counted_and_the_limit_is_said(
    open_page: Open, short_server: Server
) -> None:
    page = open_page(short_server, text="the film was great")
    assert page.inner_text("#text .counts").startswith("4 of at most 5 tokens · read in ")
    answered(page, "the story was awful so dull and clumsy")
    assert page.inner_text("#text .counts").startswith("5 of at most 5 tokens")
    assert page.inner_text("#text .cut").startswith("Only the last 5 tokens are read.")
    assert page.inner_text("#belief .unread") == "the story was "
    assert page.locator("#belief [role=option]").all_inner_texts() == [
        "awful", "so", "dull", "and", "clumsy"
    ]  # fmt: skip


def test_an_example_is_a_click_away(shipped_page: "Page") -> None:
    chips = shipped_page.locator("#text .chip")
    assert chips.count() == 5
    assert chips.first.get_attribute("aria-pressed") == "true"
    shipped_page.click("text=Negation")
    answered(shipped_page)
    assert "not bad" in shipped_page.input_value("#text textarea")
    assert shipped_page.get_by_text("Negation").get_attribute("aria-pressed") == "true"
    assert chips.first.get_attribute("aria-pressed") == "false"


def assert_right_about_examples(page: "Page", expected: list[str]) -> None:
    chips = page.locator("#text .chip")
    assert chips.count() == len(expected)
    for place, label in enumerate(expected):
        chips.nth(place).click()
        answered(page)
        assert page.inner_text("#text .best-label") == label


def test_a_chinese_model_has_chinese_examples_and_is_right_about_them(
    open_page: Open, chinese_server: Server
) -> None:
    page = open_page(chinese_server)
    assert "早餐" in page.input_value("#text textarea")
    assert_right_about_examples(page, ["积极", "积极", "消极", "消极"])


def test_it_is_right_about_its_examples(shipped_page: "Page") -> None:
    right = ["positive", "positive", "negative", "positive", "negative"]
    assert_right_about_examples(shipped_page, right)


def test_a_model_of_something_else_has_no_examples(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server)
    assert page.locator("#text .chips").is_hidden()
    assert page.input_value("#text textarea") == ""


def test_what_looks_like_markup_is_text(page: "Page") -> None:
    text = "<img src=x onerror=alert(1)> <b>great</b> & 🙂 <!-- 好 -->"
    answered(page, text)
    assert page.inner_text("#belief .tokens") == text
    assert page.locator("main img").count() == 0
    assert "🙂" in page.locator("#belief [role=option]").all_inner_texts()


def test_the_label_that_is_followed_can_be_chosen(page: "Page") -> None:
    best = page.inner_text("#text .best-label")
    assert page.is_checked(f"#text input[value={best}]")
    [other] = {"praise", "blame"} - {best}
    page.check(f"#text input[value={other}]")
    page.wait_for_selector(f"#belief .lead:has-text('{other}')")
    assert page.inner_text("#text .best-label") == best
