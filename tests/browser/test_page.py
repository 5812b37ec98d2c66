"""The page as a whole: for all kinds of readers, on all widths, and closed to the outside."""

from typing import Literal

import pytest

from tests.browser.conftest import NARROW, WIDE, Open
from tests.integration.conftest import Server

BLOCKED = ("Content Security Policy", "Content-Security-Policy")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault(
    open_page: Open, shipped_server: Server, language: str, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(shipped_server, language=language, theme=theme)
    found = axe.run(page).response["violations"]
    assert [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]] == []


@pytest.mark.parametrize("size", [WIDE, NARROW, (1024, 768)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_overflows_sideways(
    open_page: Open, shipped_server: Server, size: tuple[int, int], language: str
) -> None:
    page = open_page(shipped_server, size=size, language=language)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    for section in page.locator("main > section").all():
        box = section.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_whole_page_is_reached_by_the_tab_key(
    open_page: Open, tiny_server: Server, scheme: Literal["light", "dark"]
) -> None:
    page = open_page(tiny_server, colour_scheme=scheme, text="a great film")
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.closest('section, header, nav')?.id ?? ''")
        )
    assert {"text", "belief"} <= reached


def test_the_policy_holds(open_page: Open, tiny_server: Server) -> None:
    """Neither scripts nor styles nor pictures that do not lie on the server have any effect."""
    page = open_page(tiny_server, allow=BLOCKED, text="a great film")
    tried = page.evaluate(
        """async () => {
            const script = document.createElement('script');
            script.textContent = 'window.broken = true';
            const style = document.createElement('style');
            style.textContent = 'body { opacity: 0.5 }';
            const other = document.createElement('script');
            other.src = 'data:text/javascript,window.broken = true';
            document.body.append(script, style, other);
            const fetched = await fetch('http://localhost:9/').then(() => true, () => false);
            const button = document.createElement('button');
            button.setAttribute('onclick', 'window.clicked = true');
            button.click();
            await new Promise((resolve) => setTimeout(resolve, 300));
            const { opacity } = getComputedStyle(document.body);
            return [window.broken ?? false, opacity, fetched, window.clicked ?? false];
        }"""
    )
    assert tried == [False, "1", False, False]


def test_it_works_under_a_proxy_s_prefix(open_page: Open, tiny_server: Server) -> None:
    """All that it asks for is named relative to where it lies."""
    page = open_page(tiny_server, text="a great film")
    page.route(
        f"{tiny_server.url}/models/lstm/**",
        lambda route: route.fulfill(
            response=route.fetch(url=route.request.url.replace("/models/lstm", ""))
        ),
    )
    page.goto(f"{tiny_server.url}/models/lstm/#text=an+awful+film")
    page.wait_for_selector("main[data-answered=true]")
    assert page.inner_text("#text .best-label") == "blame"
