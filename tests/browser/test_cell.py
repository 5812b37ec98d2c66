"""The cell: what is drawn is what /states says, at every step, of a unit and of all."""

import re
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.browser.conftest import Open, settle, until
from tests.integration.conftest import Server
from tests.process import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The story was so dull. But he was warm, and she brilliant."
LETTERS = {
    "f": "forget_gate", "i": "input_gate", "g": "candidate", "o": "output_gate", "c": "cell",
    "h": "hidden",
}  # fmt: skip


def tensors(server: Server, layer: int = 0, direction: str = "forward") -> dict[str, NDArray[Any]]:
    """Read the tensors of the text, steps x units each, by their letters."""
    answer = httpx.post(
        f"{server.url}/states", json={"inputs": TEXT, "layers": [layer]}, timeout=PATIENCE
    )
    layers = answer.raise_for_status().json()["results"][0]["layers"]
    found = next(each for each in layers if each["direction"] == direction)
    return {letter: np.array(found[name]) for letter, name in LETTERS.items() if name in found}


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))


def drawn(page: "Page") -> dict[str, float]:
    found = page.eval_on_selector_all(
        "#cell [data-value]",
        "(nodes) => Object.fromEntries(nodes.map((n) => [n.dataset.value, n.textContent]))",
    )
    return {name: number(text) for name, text in found.items() if text}


def at_step(page: "Page", step: int) -> None:
    until(
        page, "(n) => document.querySelector('#cell .where').textContent.includes(n)", f"{step + 1}"
    )
    settle(page, 100)


@pytest.mark.parametrize(("step", "unit"), [(0, 0), (3, 5), (11, 7), (13, 2)])
def test_the_numbers_drawn_are_those_of_the_server(
    open_page: Open, tiny_server: Server, step: int, unit: int
) -> None:
    page = open_page(tiny_server, text=TEXT, step=step, unit=unit)
    page.locator("#cell").scroll_into_view_if_needed()
    at_step(page, step)
    of = tensors(tiny_server)
    expected = {letter: of[letter][step, unit] for letter in LETTERS}
    expected["cBefore"] = of["c"][step - 1, unit] if step else 0.0
    expected["kept"] = expected["f"] * expected["cBefore"]
    expected["added"] = expected["i"] * expected["g"]
    expected["squeezed"] = np.tanh(expected["c"])
    found = drawn(page)
    assert {"f", "i", "g", "o", "c", "h", "cBefore"} <= found.keys()
    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=0.0051), name


def test_the_formulas_hold_for_the_numbers_in_them(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=TEXT, step=6, unit=1)
    page.locator("#cell").scroll_into_view_if_needed()
    at_step(page, 6)
    belt = page.inner_text("#cell li.cell").replace("\N{MINUS SIGN}", "-").replace("\n", " ")
    terms = re.search(
        r"= \(?(-?[\d.]+)\)? [*·] \(?(-?[\d.]+)\)? \+ \(?(-?[\d.]+)\)? [*·] \(?(-?[\d.]+)\)? "
        r"= (-?[\d.]+)",
        belt,
    )
    assert terms, belt
    f, before, i, g, c = map(float, terms.groups())
    assert f * before + i * g == pytest.approx(c, abs=0.005)
    assert c == pytest.approx(tensors(tiny_server)["c"][6, 1], abs=0.001)


def test_arrow_keys_buttons_and_play_go_through_the_text(
    open_page: Open, tiny_server: Server
) -> None:
    page = open_page(tiny_server, text=TEXT, step=4, unit=0)
    page.focus("#cell figure")
    page.keyboard.press("ArrowRight")
    at_step(page, 5)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    at_step(page, 3)
    assert drawn(page)["c"] == pytest.approx(tensors(tiny_server)["c"][3, 0], abs=0.0051)
    page.keyboard.press("Home")
    at_step(page, 0)
    play = page.locator("#cell button.primary")
    play.click()
    at_step(page, 2)
    play.click()


def test_a_click_on_a_token_shows_its_step(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=TEXT, unit=3)
    page.locator("#cell").scroll_into_view_if_needed()
    page.locator("#cell .strip [data-step='2'], #cell [data-step='2']").first.click()
    at_step(page, 2)
    assert drawn(page)["h"] == pytest.approx(tensors(tiny_server)["h"][2, 3], abs=0.0051)


def test_all_units_together_are_means(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=TEXT, step=5, scope="all")
    page.locator("#cell").scroll_into_view_if_needed()
    at_step(page, 5)
    of = tensors(tiny_server)
    found = drawn(page)
    assert found["f"] == pytest.approx(of["f"][5].mean(), abs=0.0051)
    assert found["c"] == pytest.approx(np.abs(of["c"][5]).mean(), abs=0.0051)


def test_a_backward_direction_comes_from_the_right(open_page: Open, stacked_server: Server) -> None:
    page = open_page(stacked_server, text=TEXT, layer=1, direction="backward", step=4, unit=1)
    page.locator("#cell").scroll_into_view_if_needed()
    at_step(page, 4)
    of = tensors(stacked_server, 1, "backward")
    assert drawn(page)["cBefore"] == pytest.approx(of["c"][5, 1], abs=0.0051)


def test_a_simple_network_has_no_gates_and_says_so(open_page: Open, rnn_server: Server) -> None:
    page = open_page(rnn_server, text=TEXT, step=4, unit=1)
    page.locator("#cell").scroll_into_view_if_needed()
    at_step(page, 4)
    assert drawn(page)["h"] == pytest.approx(tensors(rnn_server, 1)["h"][4, 1], abs=0.0051)
    assert not page.locator("#cell .box.forget_gate").count()
    assert "no" in page.inner_text("#memory").lower()
