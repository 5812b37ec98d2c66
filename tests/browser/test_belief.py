"""The text coloured by what each token did to the belief, and the curve of the belief."""

import statistics
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.conftest import Open, answered
from tests.integration.conftest import Server
from tests.process import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The story was so dull. But he was warm, and she brilliant."
SLIDER = "#belief [role=slider]"


def scores(server: Server, text: str) -> tuple[list[str], list[list[float]]]:
    body = {"inputs": text, "tensors": [], "step_scores": True}
    answer = httpx.post(f"{server.url}/states", json=body, timeout=PATIENCE).json()
    return answer["results"][0]["tokens"], answer["results"][0]["step_scores"]


def selected(page: "Page") -> int:
    [option] = page.locator("#belief [aria-selected=true]").all()
    assert page.get_attribute("#belief .tokens", "aria-activedescendant") == option.get_attribute(
        "id"
    )
    step = int(option.get_attribute("data-step") or -1)
    assert page.get_attribute(SLIDER, "aria-valuenow") == str(step + 1)
    return step


def wait_for_step(page: "Page", step: int) -> None:
    page.wait_for_selector(f"#belief [data-step='{step}'][aria-selected=true]")
    assert selected(page) == step


def test_every_token_has_the_probability_that_the_server_gives(
    page: "Page", tiny_server: Server
) -> None:
    tokens, rows = scores(tiny_server, TEXT)
    assert page.locator("#belief [role=option]").all_inner_texts() == tokens
    followed = ["blame", "praise"].index(page.inner_text("#text .best-label"))
    _, start = scores(tiny_server, "")
    [begun] = httpx.post(f"{tiny_server.url}/predict", json={"inputs": ""}).json()
    before = {row["label"]: row["score"] for row in begun}[["blame", "praise"][followed]]
    assert start == []
    page.focus(SLIDER)
    page.keyboard.press("Home")
    for step, row in enumerate(rows):
        wait_for_step(page, step)
        change = 100 * (row[followed] - before)
        before = row[followed]
        says = page.get_attribute(SLIDER, "aria-valuetext")
        assert says is not None
        token, share, points = says.split(" · ")
        assert token == tokens[step]
        assert float(share.removesuffix(" %")) == pytest.approx(100 * row[followed], abs=0.051)
        assert float(points.split()[0].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            change, abs=0.051
        )
        page.keyboard.press("ArrowRight")


def test_what_raises_is_blue_and_what_lowers_is_orange(page: "Page", tiny_server: Server) -> None:
    tokens, rows = scores(tiny_server, TEXT)
    page.check("#text input[value=praise]")
    page.wait_for_selector("#belief .lead:has-text('praise')")
    changes = [rows[step][1] - rows[step - 1][1] for step in range(1, len(tokens))]
    for change in (min(changes), max(changes)):
        step = changes.index(change) + 1
        colour = page.eval_on_selector(
            f"#belief [data-step='{step}']", "span => getComputedStyle(span).backgroundColor"
        )
        red, _, blue = (int(part) for part in colour[4:-1].split(", "))
        assert (blue > red) == (change > 0)
        assert abs(change) > 0.05


def test_click_hover_and_keys_choose_the_step(page: "Page") -> None:
    last = page.locator("#belief [role=option]").count() - 1
    assert selected(page) == last
    page.click("#belief [data-step='4']")
    wait_for_step(page, 4)
    assert "dull" in page.inner_text("#belief .readout")
    for key, step in (
        ("ArrowLeft", 3),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", last),
        ("ArrowRight", last),
    ):
        page.focus("#belief .tokens")
        page.keyboard.press(key)
        wait_for_step(page, step)
    box = page.locator(SLIDER).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 48, box["y"] + 60)
    assert page.inner_text("#belief .readout").startswith("token 1 ")
    page.mouse.click(box["x"] + 48, box["y"] + 60)
    wait_for_step(page, 0)
    page.hover("#belief [data-step='4']")
    assert page.inner_text("#belief .readout").startswith("token 5 ")


def test_while_typing_the_last_token_stays_chosen(page: "Page") -> None:
    answered(page, f"{TEXT} Its actor was")
    assert selected(page) == page.locator("#belief [role=option]").count() - 1
    page.click("#belief [data-step='2']")
    wait_for_step(page, 2)
    answered(page, f"{TEXT} Its actor was so cold")
    assert selected(page) == 2
    answered(page, "Dull")
    assert selected(page) == 0


def test_no_token_no_belief(page: "Page") -> None:
    answered(page, "")
    assert "There is no token yet" in page.inner_text("#belief")
    assert page.locator(SLIDER).is_hidden()
    answered(page, "great")
    assert page.locator(SLIDER).is_visible()


def test_a_model_that_reads_both_ways_has_no_running_belief(
    open_page: Open, stacked_server: Server
) -> None:
    page = open_page(stacked_server, text="the film was wonderful")
    assert "reads the text in both directions" in page.inner_text("#belief")
    assert page.locator(SLIDER).is_hidden()
    page.click("#belief [data-step='1']")
    page.wait_for_selector("#belief [data-step='1'][aria-selected=true]")


def test_a_simple_rnn_has_one(open_page: Open, rnn_server: Server) -> None:
    page = open_page(rnn_server, text="the film was wonderful")
    assert page.get_attribute(SLIDER, "aria-valuemax") == "4"


def test_two_thousand_tokens_stay_fluent(open_page: Open, tiny_server: Server) -> None:
    text = " ".join(f"the film was {word}" for word in ("dull", "great", "cold", "warm") * 125)
    page = open_page(tiny_server, text=text)
    assert page.locator("#belief [role=option]").count() == 2000
    assert page.locator("#belief svg *").count() < 100
    page.focus("#belief .tokens")
    # From a key press to the frame that shows it, in frames of a page that rests: on an idle
    # machine, 16 milliseconds. Medians, as other work goes on beside tests.
    resting, times = (statistics.median(page.evaluate(TIMED, key)) for key in (None, "ArrowLeft"))
    assert times < 3 * resting + 500, (times, resting)
    answered(page, f"{text} and warm")


TIMED: Any = """async (key) => {
  const strip = document.querySelector('#belief .tokens');
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (let n = 0; n < 15; n += 1) {
    const started = performance.now();
    if (key) strip.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await frame();
    await frame();
    times.push(performance.now() - started);
  }
  return times;
}"""
