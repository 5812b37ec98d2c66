"""Memory: the belt taken apart by the tokens that it comes from."""

from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from tests.browser.conftest import Open, settle, until
from tests.integration.conftest import Server
from tests.process import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The story was so dull. But he was warm, and she brilliant."

UNROLL = """async ([tensors, step, way, unit]) => {
  const { unroll } = await import('./inspector/lstm/cell_state.js');
  const { Matrix } = await import('./inspector/data/matrix.js');
  const matrices = {};
  for (const [name, rows] of Object.entries(tensors)) {
    matrices[name] = new Matrix(Float32Array.from(rows.flat()), rows.length, rows[0].length);
  }
  const { left, parts, retention } = unroll(matrices, step, way, unit);
  return { left: [...left], parts: [...parts], retention: [...retention] };
}"""


def states(server: Server, direction: str = "forward") -> dict[str, Any]:
    answer = httpx.post(
        f"{server.url}/states",
        json={"inputs": TEXT, "summaries": True, "layers": [0]},
        timeout=PATIENCE,
    )
    layers = answer.raise_for_status().json()["results"][0]["layers"]
    found: dict[str, Any] = next(each for each in layers if each["direction"] == direction)
    return found


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_parts_add_up_to_the_belt_and_it_reaches_as_far_as_the_server_says(
    open_page: Open, stacked_server: Server, direction: str
) -> None:
    page = open_page(stacked_server, text=TEXT)
    found = states(stacked_server, direction)
    names = ("forget_gate", "input_gate", "candidate", "cell")
    tensors = {name: found[name] for name in names}
    cell, retention = np.array(found["cell"]), np.array(found["summaries"]["retention"])
    way = 1 if direction == "forward" else -1
    for step in (0, 1, 6, len(cell) - 1):
        for unit in range(cell.shape[1]):
            unrolled = page.evaluate(UNROLL, [tensors, step, way, unit])
            assert sum(unrolled["parts"]) == pytest.approx(cell[step, unit], abs=1e-5)
            assert unrolled["left"][0] == 1
        together = page.evaluate(UNROLL, [tensors, step, way, None])
        assert together["retention"] == retention[step].tolist()


def shown(page: "Page") -> str:
    page.locator("#memory").scroll_into_view_if_needed()
    settle(page, 200)
    return page.inner_text("#memory")


def test_the_tokens_that_count_are_listed_strongest_first(
    open_page: Open, tiny_server: Server
) -> None:
    page = open_page(tiny_server, text=TEXT, unit=2, step=9)
    until(page, "() => document.querySelectorAll('#memory .shares li').length > 2")
    shown(page)
    widths = page.eval_on_selector_all(
        "#memory .shares .fill", "(bars) => bars.map((bar) => parseFloat(bar.style.width))"
    )
    assert widths[0] == pytest.approx(100)
    assert widths == sorted(widths, reverse=True)
    found = states(tiny_server)
    line = page.inner_text("#memory .sum").replace("\N{MINUS SIGN}", "-")
    assert float(line.rsplit("=", 1)[1]) == pytest.approx(found["cell"][9][2], abs=0.0051)


def test_another_token_and_all_units(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=TEXT, unit=2, step=9)
    before = shown(page)
    page.locator("#memory [data-step='3']").first.click()
    until(page, "(old) => document.querySelector('#memory').innerText !== old", before)
    page.locator("#cell").scroll_into_view_if_needed()
    page.locator("#cell .scope button").nth(1).click()
    counts = page.eval_on_selector_all(
        "#memory .reach .value", "(cells) => cells.map((cell) => parseInt(cell.textContent))"
    )
    settle(page, 200)
    assert sum(counts) == 8


def test_a_simple_network_has_no_belt(open_page: Open, rnn_server: Server) -> None:
    page = open_page(rnn_server, text=TEXT)
    assert "belt" in shown(page)
    assert not page.locator("#memory .shares li").count()
