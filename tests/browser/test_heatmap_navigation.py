"""Moving in the heat map: zoom, keyboard, dragging."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, settle
from tests.browser.heatmap import LEFT, TEXT, at, drawn, place, selected, show, tokens_of
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_zooming_keeps_what_is_pointed_at(open_page: Open, wide_server: Server) -> None:
    text = " ".join(TEXT.split() * 20)
    page = open_page(wide_server, text=text)
    drawn(page)
    scroll = page.locator(".heatmap-scroll")
    box = page.locator(".heatmap-pane").bounding_box()
    assert box is not None
    at(page, 500, 200)
    before = place(page)
    page.keyboard.down("Control")
    for _ in range(12):
        page.mouse.wheel(0, -60)
    page.keyboard.up("Control")
    settle(page, 200)
    at(page, 501, 200)
    at(page, 500, 200)
    # Browsers scroll by whole pixels, of which a small cell has few.
    assert place(page) == pytest.approx(before, abs=1)
    seen = scroll.evaluate("e => [e.scrollWidth / e.clientWidth, e.scrollHeight / e.clientHeight]")
    assert min(seen) > 3
    page.get_by_role("button", name="Fit all").click()
    settle(page, 100)
    fits = scroll.evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
    assert fits == [0, 0]
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_role("button", name="Read numbers").click()
    settle(page, 100)
    scroll.evaluate("e => e.scrollTo(0, 0)")
    settle(page, 100)
    at(page, LEFT + 46 * 3 + 20, 20 * 2 + 10)  # the size at which numbers are read
    assert place(page) == (4, 2)


def test_all_of_it_goes_by_keyboard(page: "Page") -> None:
    show(page)
    scroll = page.locator(".heatmap-scroll")
    scroll.focus()
    scroll.press("Home")
    scroll.press("Home")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        scroll.press(key)
    assert place(page) == (3, 2)
    scroll.press("Enter")
    assert selected(page) == (2, 2)
    width = "parseFloat(document.querySelector('.heatmap-field').style.height)"
    before = page.evaluate(width)
    scroll.press("-")
    assert page.evaluate(width) <= before
    scroll.press("0")
    scroll.press("End")
    assert place(page) == (tokens_of(page), 2)


def test_dragging_takes_the_map_along(open_page: Open, wide_server: Server) -> None:
    page = open_page(wide_server, text=" ".join(TEXT.split() * 20), step=0)
    drawn(page)
    page.get_by_role("button", name="Read numbers").click()
    settle(page, 100)
    scroll = page.locator(".heatmap-scroll")
    scroll.evaluate("e => e.scrollTo(0, 0)")
    page.locator(".heatmap-pane").hover(position={"x": 700, "y": 150})
    before = selected(page)
    box = page.locator(".heatmap-pane").bounding_box()
    assert box is not None
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 100, steps=4)
    page.mouse.up()
    assert scroll.evaluate("e => [e.scrollLeft, e.scrollTop]") == [200, 50]
    assert selected(page) == before  # it was no click
