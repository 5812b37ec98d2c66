"""Type, and see what the model makes of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_answer_follows_the_typing(page: "Page") -> None:
    area = page.locator("#text textarea")
    area.fill("a wonderful film")
    page.wait_for_function("document.querySelector('#text output').textContent.includes('praise')")
