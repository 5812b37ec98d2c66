"""Compare: two texts by the same model, side by side."""

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser.conftest import Open, until
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT, OTHER = "The story was dull and the actor cold.", "The story was great and the actor warm."


def probability(server: Server, text: str, label: str) -> float:
    [[*scores]] = httpx.post(f"{server.url}/predict", json={"inputs": text}).json()
    found: float = next(score["score"] for score in scores if score["label"] == label)
    return found


def compared(page: "Page") -> None:
    until(page, "() => document.querySelector('#compare')?.innerText.includes('%')")


def test_a_copy_is_edited_and_the_answers_are_those_of_the_server(
    open_page: Open, tiny_server: Server
) -> None:
    page = open_page(tiny_server, text=TEXT, label="praise")
    page.click("#compare button.primary")
    field = page.locator("#compare .compare-side.second textarea")
    until(page, "(text) => document.querySelector('.second textarea').value === text", TEXT)
    field.fill(OTHER)
    compared(page)
    for text in (TEXT, OTHER):
        shown = f"{100 * probability(tiny_server, text, 'praise'):.1f}"
        until(page, "(n) => document.querySelector('#compare').innerText.includes(n)", shown)


def test_a_link_brings_both_texts(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=TEXT, other=OTHER)
    assert page.input_value("#compare .compare-side.second textarea") == OTHER
    compared(page)


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("a b c", "a b c", []),
        ("a b c", "a x c", ["b", "x"]),
        ("", "a", ["a"]),
        ("a a a b", "a a b", ["a"]),
        ("a b", "b a", ["a", "a"]),
    ],
)
def test_the_difference_is_what_is_in_one_and_not_in_the_other(
    open_page: Open, tiny_server: Server, one: str, other: str, edits: list[str]
) -> None:
    """diff.js itself, on words."""
    page = open_page(tiny_server, text="a film")
    columns = page.evaluate(
        """async ([one, other]) => {
          const { align } = await import('./inspector/data/alignment.js');
          return align(one, other).columns;
        }""",
        [one.split(), other.split()],
    )
    common = [[c["first"], c["second"]] for c in columns if min(c.values()) >= 0]
    words, others = one.split(), other.split()
    assert all(words[i] == others[j] for i, j in common)
    assert common == sorted(common)
    left = [w for n, w in enumerate(words) if n not in {i for i, _ in common}]
    right = [w for n, w in enumerate(others) if n not in {j for _, j in common}]
    assert sorted(left + right) == sorted(edits)
