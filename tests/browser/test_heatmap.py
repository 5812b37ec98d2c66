"""The heat map: every number is drawn where it stands, and every cell can be asked and chosen."""

import json
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from tests.browser.conftest import NARROW, Open, answered, settle, until
from tests.browser.heatmap import (
    GATES,
    LEFT,
    MINUS,
    PIXELS,
    ROW,
    TEXT,
    at,
    cells,
    choose,
    colours,
    drawn,
    expected,
    near,
    numbers,
    readout,
    selected,
    show,
    states,
    tokens_of,
    units_from_above,
)
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


@pytest.mark.parametrize(
    "tensor", ["hidden", "cell", "forget_gate", "input_gate", "candidate", "output_gate"]
)
def test_pixels_are_the_numbers_of_states(
    open_page: Open, tiny_server: Server, tensor: str
) -> None:
    page = open_page(tiny_server, text=TEXT, tensor=tensor)
    drawn(page)
    values = numbers(tiny_server, TEXT, tensor)
    found = cells(page, *values.shape)
    assert near(found, expected(page, tensor, values.T))
    assert len(np.unique(found.reshape(-1, 3), axis=0)) > 20  # it is no plain sheet
    ends = page.locator(".heatmap-ends span").all_inner_texts()
    most = float(np.abs(values).max())
    in_words = {"cell": [f"{MINUS}{most:.2f}", "0", f"{most:.2f}"]}
    in_words |= {gate: ["0 shut", "", "open 1"] for gate in GATES}
    assert ends == in_words.get(tensor, [f"{MINUS}1", "0", "1"])


def test_dark_and_narrow_pixels_are_the_numbers_too(open_page: Open, tiny_server: Server) -> None:
    text = "the film was wonderful"
    page = open_page(tiny_server, size=NARROW, colour_scheme="dark", text=text, tensor="cell")
    drawn(page)
    values = numbers(tiny_server, text, "cell")
    assert near(cells(page, *values.shape), expected(page, "cell", values.T))
    page.select_option(".choices select", "light")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    until(page, "() => document.documentElement.dataset.theme === 'light'")
    assert near(cells(page, *values.shape), expected(page, "cell", values.T))


def test_stronger_colours_cut_the_largest_off(page: "Page", tiny_server: Server) -> None:
    show(page)
    choose(page, "belt c")
    page.get_by_label("Stronger colours").check()
    values = numbers(tiny_server, TEXT, "cell")
    sizes = np.sort(np.abs(values), axis=None)
    most = sizes[int(0.98 * (sizes.size - 1))]
    assert page.locator(".heatmap-ends span").all_inner_texts()[2] == f"≥ {most:.2f}"
    index = np.clip(np.floor((values.T / most + 1) * 127.5 + 0.5), 0, 255).astype(int)
    assert near(cells(page, *values.shape), colours(page, "diverging")[index])


def test_pointing_tells_token_unit_and_number(page: "Page", tiny_server: Server) -> None:
    show(page)
    result = states(tiny_server, TEXT, tensors=["hidden"])
    values = np.array(result["layers"][0]["hidden"])
    width = page.evaluate("parseFloat(document.querySelector('.heatmap-field').style.width)")
    cell = (width - LEFT) / len(values)
    for step, unit in [(0, 0), (3, 5), (len(values) - 1, 7)]:
        at(page, LEFT + (step + 0.5) * cell, (unit + 0.5) * ROW)
        words, number = readout(page).split(" = ")
        assert words == f"“{result['tokens'][step]}”, token {step + 1}, unit {unit}: h"
        assert float(number.replace(MINUS, "-")) == pytest.approx(values[step, unit], abs=1e-4)
    live = page.locator("#heatmap [aria-live]")
    until(
        page,
        "() => document.querySelector('#heatmap [aria-live]').textContent"
        " === document.querySelector('.heatmap-readout').textContent",
    )
    assert "unit 7" in live.inner_text()


def test_a_click_chooses_step_and_unit_and_once_more_lets_go(page: "Page") -> None:
    show(page)
    pane = page.locator(".heatmap-pane")
    pane.click(position={"x": LEFT + 5, "y": 2.5 * ROW})
    assert selected(page) == (2, 0)
    pane.click(position={"x": LEFT + 5, "y": 2.5 * ROW})
    assert selected(page) == (None, 0)
    last = tokens_of(page) - 1
    pane.click(position={"x": 1000, "y": 2.5 * ROW})
    unit, step = selected(page)
    assert unit == 2
    assert 0 < step <= last
    pane.click(position={"x": 10, "y": 4.5 * ROW})  # a row's number: the step stays
    assert selected(page) == (4, step)
    page.locator(".heatmap-scroll").press("Escape")
    assert selected(page) == (None, step)
    pane.click(position={"x": 10, "y": 4.5 * ROW})
    page.get_by_role("button", name="Let the unit go").click()
    assert selected(page) == (None, step)


@pytest.mark.parametrize("tensor", ["cell", "forget_gate"])
def test_the_text_has_the_colours_of_one_unit(
    open_page: Open, tiny_server: Server, tensor: str
) -> None:
    page = open_page(tiny_server, text=TEXT, tensor=tensor, unit=3)
    drawn(page)
    course = numbers(tiny_server, TEXT, tensor)[:, 3]
    most = 1 if tensor in GATES else np.abs(course).max()
    table = colours(page, "diverging")
    spans = page.locator("#heatmap [role=option]").all()
    assert len(spans) == len(course)
    for span, value in zip(spans, course / most, strict=True):
        if abs(value) > 0.03:
            found = span.evaluate("span => span.style.backgroundColor.match(/\\d+/g).map(Number)")
            assert near(np.array(found), table[round((value + 1) * 127.5)])
    spans[1].click()
    assert selected(page) == (3, 1)


def test_the_units_by_activity(page: "Page", tiny_server: Server) -> None:
    show(page)
    assert units_from_above(page, 8) == list(range(8))
    choose(page, "activity")
    moves = numbers(tiny_server, TEXT, "hidden").std(axis=0)
    assert units_from_above(page, 8) == np.argsort(-moves).tolist()
    values = numbers(tiny_server, TEXT, "hidden")
    rows = values.T[np.argsort(-moves)]
    assert near(cells(page, *values.shape), expected(page, "hidden", rows))


def test_the_units_by_contribution(page: "Page", tiny_server: Server) -> None:
    show(page)
    choose(page, "contribution")
    result = states(tiny_server, TEXT, tensors=[], contributions=True)
    info = httpx.get(f"{tiny_server.url}/info").json()
    label = info["labels"].index(result["prediction"][0]["label"])
    bars = np.array(result["contributions"]["forward"])[label]
    left = LEFT + 48
    assert units_from_above(page, 8, left) == np.argsort(-bars, kind="stable").tolist()
    values = numbers(tiny_server, TEXT, "hidden")
    found = cells(page, len(values), 8, left)
    assert near(found, expected(page, "hidden", values.T[np.argsort(-bars, kind="stable")]))
    # The bar of the unit that speaks most for the label is right of the middle, all of it coloured.
    side = 1 if bars.max() >= 0 else -1
    middle, row = LEFT + 22, 0.5 * ROW
    [bar, none] = page.evaluate(PIXELS, [[middle + side * 2, row], [middle - side * 4, row]])
    assert bar != none


def test_orders_are_permutations_and_likeness_brings_groups_together(page: "Page") -> None:
    answered(page)
    found = page.evaluate(
        """async () => {
          const order = await import(new URL('inspector/lstm/unit_order.js', document.baseURI));
          const { Matrix } = await import(new URL('inspector/data/matrix.js', document.baseURI));
          let seed = 1;
          const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
          const permutations = [];
          for (
            const [rows, columns] of [[0, 4], [1, 3], [2, 1], [2, 2], [5, 3], [40, 60], [600, 9]]
          ) {
            const flat = rows % 2;
            const data = Float32Array.from({ length: rows * columns }, () => flat ? 0.5 : random());
            const matrix = new Matrix(data, rows, columns);
            for (const by of [order.byActivity, order.bySimilarity]) {
              const sorted = [...by(matrix)].sort((a, b) => a - b);
              permutations.push(sorted.length === columns && sorted.every((unit, i) => unit === i));
            }
          }
          const planted = new Matrix(new Float32Array(90 * 40), 90, 40);
          for (let step = 0; step < 90; step++) {
            for (let unit = 0; unit < 40; unit++) {
              const wave = Math.sin(step / (3 + 2 * (unit % 4)) + (unit % 4));
              planted.data[step * 40 + unit] = wave + 0.2 * (random() - 0.5);
            }
          }
          const groups = [...order.bySimilarity(planted)].map((unit) => unit % 4);
          const large = new Matrix(Float32Array.from({ length: 2000 * 512 }, random), 2000, 512);
          const begun = performance.now();
          order.bySimilarity(large);
          return { permutations, groups, took: performance.now() - begun };
        }"""
    )
    assert all(found["permutations"])
    changes = sum(a != b for a, b in zip(found["groups"], found["groups"][1:], strict=False))
    assert changes == 3  # four groups, each in one piece
    assert found["took"] < 5000


def test_two_thousand_tokens_are_pixels_and_no_elements(
    open_page: Open, wide_server: Server
) -> None:
    text = " ".join((TEXT.split() * 200)[:2000])
    page = open_page(wide_server)
    answered(page, text)
    drawn(page)
    values = numbers(wide_server, text, "hidden")
    elements = "document.querySelectorAll('#heatmap *').length"
    assert page.evaluate(elements) < 200
    scroll = page.locator(".heatmap-scroll")
    assert scroll.evaluate("e => e.scrollLeft + e.clientWidth === e.scrollWidth")  # at the last
    for left in (0, 1500, 4444):
        scroll.evaluate("(e, left) => e.scrollTo(left, 0)", left)
        settle(page, 100)
        # Cells are 3 pixels wide; these points are the middles of some.
        steps = [left // 3 + 2 + 97 * k for k in range(3)]
        y = [30.5, 255.5, 480.5]
        points = [[LEFT + 3 * s + 1.5 - left, at_y] for s in steps for at_y in y]
        found = page.evaluate(PIXELS, points)
        height = page.evaluate("parseFloat(document.querySelector('.heatmap-field').style.height)")
        rows = [int(at_y // ((height - 24) / 300)) for at_y in y]
        wanted = expected(page, "hidden", values[np.ix_(steps, rows)].reshape(-1))
        assert near(np.array(found), wanted)
    page.get_by_role("button", name="Fit all").click()
    settle(page, 100)
    assert scroll.evaluate("e => e.scrollWidth === e.clientWidth")


def test_a_simple_network_has_only_its_state(open_page: Open, rnn_server: Server) -> None:
    page = open_page(rnn_server, text=TEXT, tensor="forget_gate", layer=0)
    drawn(page)
    assert not page.locator("#heatmap legend", has_text="Show").is_visible()
    values = numbers(rnn_server, TEXT, "hidden", layer=0)
    assert near(cells(page, *values.shape), expected(page, "hidden", values.T))
    page.select_option("#heatmap select", "1")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    values = numbers(rnn_server, TEXT, "hidden", layer=1)
    assert near(cells(page, *values.shape), expected(page, "hidden", values.T))


def test_layers_and_directions_are_chosen(open_page: Open, stacked_server: Server) -> None:
    page = open_page(stacked_server, text=TEXT, tensor="cell")
    drawn(page)
    choose(page, "right to left")
    values = numbers(stacked_server, TEXT, "cell", 1, "backward")
    assert near(cells(page, *values.shape), expected(page, "cell", values.T))
    contribution = page.get_by_role("radio", name="contribution")
    assert contribution.is_enabled()
    page.select_option("#heatmap select", "0")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    values = numbers(stacked_server, TEXT, "cell", 0, "backward")
    assert near(cells(page, *values.shape), expected(page, "cell", values.T))
    assert contribution.is_disabled()
    assert "top layer alone" in page.inner_text("#heatmap-note")


def test_a_server_that_tells_no_contributions(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server)

    def without(route: "Route") -> None:
        body = dict(route.request.post_data_json or {})
        body.pop("contributions", None)
        route.continue_(post_data=json.dumps(body))

    page.route("**/states", without)
    show(page)
    assert page.get_by_role("radio", name="contribution").is_disabled()
    assert "does not say" in page.inner_text("#heatmap-note")


def test_nothing_to_read_and_back(page: "Page") -> None:
    show(page)
    page.fill("#text textarea", "")
    until(page, "() => !document.querySelector('.heatmap-message').hidden")
    assert not page.locator(".heatmap-scroll").is_visible()
    assert not page.get_by_role("button", name="Fit all").is_visible()
    show(page, "moving")
    assert page.locator(".heatmap-scroll").is_visible()


def test_numbers_that_come_late_or_not_at_all(open_page: Open, wide_server: Server) -> None:
    page = open_page(wide_server, allow=("503",))
    text = " ".join((TEXT.split() * 500)[:2900])  # too long for all tensors in one answer

    def refuse_tensors(route: "Route") -> None:
        if (route.request.post_data_json or {}).get("tensors") == []:
            route.continue_()
        else:
            body = {"error": "The server is shutting down.", "error_type": "unavailable"}
            route.fulfill(status=503, json=body)

    page.route("**/states", refuse_tensors)
    answered(page, text)
    message = page.locator(".heatmap-message")
    message.get_by_text("The server is shutting down.").wait_for()
    page.unroute("**/states")
    choose(page, "belt c")
    drawn(page)
    assert not message.is_visible()


def test_it_speaks_chinese(page: "Page") -> None:
    show(page)
    page.click(".choices button[lang=zh]")
    until(page, "() => document.querySelector('#heatmap h2').textContent === '热图'")
    words = page.inner_text("#heatmap")
    for word in ("遗忘门", "活跃度", "显示全部"):
        assert word in words
    assert "Zoom" not in words
