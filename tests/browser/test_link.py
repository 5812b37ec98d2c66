"""The address holds the view: it can be sent to others, and the browser goes back and forward."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from tests.browser.conftest import Open, answered, settle, until
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "The story was so dull. But he was warm, and she brilliant."


def linked(page: "Page") -> dict[str, str]:
    return dict(parse_qsl(page.evaluate("location.hash.slice(1)"), keep_blank_values=True))


def wait_for_link(page: "Page", **state: Any) -> None:
    until(
        page,
        "([state]) => { const found = new URLSearchParams(location.hash.slice(1));"
        "return Object.entries(state).every(([name, value]) => found.get(name) === value); }",
        [{name: None if value is None else str(value) for name, value in state.items()}],
    )


def test_a_link_opens_the_same_view(open_page: Open, tiny_server: Server) -> None:
    state = {"text": TEXT, "label": "blame", "step": "4", "language": "zh", "theme": "dark"}
    page = open_page(tiny_server, hash="#" + urlencode(state))
    assert page.input_value("#text textarea") == TEXT
    assert page.is_checked("#text input[value=blame]")
    assert page.get_attribute("#belief [aria-selected=true]", "data-step") == "4"
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.get_attribute("html", "data-theme") == "dark"
    settle(page, 600)
    assert linked(page) == state


def test_it_says_what_is_not_the_default(page: "Page") -> None:
    settle(page, 600)
    assert linked(page) == {"text": TEXT}
    page.click("#belief [data-step='3']")
    page.check("#text input[value=blame]")
    wait_for_link(page, text=TEXT, step="3", label="blame")
    page.focus("#belief .tokens")
    page.keyboard.press("End")
    wait_for_link(page, step=None)


def test_long_texts_and_all_scripts(open_page: Open, tiny_server: Server) -> None:
    text = "好电影 🙂 & = + # % é\n" * 700
    page = open_page(tiny_server)
    answered(page, text)
    wait_for_link(page, text=text)
    copied = open_page(tiny_server, hash=page.evaluate("location.hash"))
    assert copied.input_value("#text textarea") == text


def test_back_and_forward(page: "Page") -> None:
    settle(page, 1600)
    answered(page, "A dull film")
    wait_for_link(page, text="A dull film")
    settle(page, 1600)
    page.check("#text input[value=praise]")
    wait_for_link(page, label="praise")
    page.go_back()
    until(page, "document.querySelector('#text input[value=blame]').checked")
    assert page.input_value("#text textarea") == "A dull film"
    page.go_back()
    answered(page)
    assert page.input_value("#text textarea") == TEXT
    page.go_forward()
    page.go_forward()
    answered(page)
    assert page.input_value("#text textarea") == "A dull film"
    assert page.is_checked("#text input[value=praise]")


def test_what_a_link_says_wrongly_is_left_out(open_page: Open, tiny_server: Server) -> None:
    page = open_page(
        tiny_server,
        text="a great film", step="99", layer="7", unit="1e3", tensor="soul", label="joy",
        direction="backward", language="xx", theme="pink", nothing="1",
    )  # fmt: skip
    assert page.get_attribute("#belief [aria-selected=true]", "data-step") == "2"
    settle(page, 600)
    assert linked(page) == {"text": "a great film"}


def test_going_to_a_section_leaves_the_link_alone(page: "Page") -> None:
    settle(page, 600)
    page.click("nav a:has-text('Take along')")
    until(page, "scrollY > 0")
    assert linked(page) == {"text": TEXT}
    assert page.evaluate("document.activeElement.id") == "take-title"
