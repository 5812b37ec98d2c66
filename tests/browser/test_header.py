"""The header: the model, the language and the colours."""

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser.conftest import Open
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def facts(page: "Page") -> str:
    return " ".join(page.inner_text(".facts").split())


def test_the_model_is_named(shipped_page: "Page", shipped_server: Server) -> None:
    info = httpx.get(f"{shipped_server.url}/info").json()
    assert shipped_page.inner_text("h1") == info["artifact"]["name"]
    total = info["parameters"]["total"]
    assert facts(shipped_page) == (
        f"LSTM layers 1 units 512 parameters {total:,} reads left to right"
    )
    assert shipped_page.title() == "imdb-sentiment · Conveyor inspector"


def test_other_networks_are_named_as_what_they_are(
    open_page: Open, stacked_server: Server, rnn_server: Server
) -> None:
    assert "layers 2 units 4" in facts(open_page(stacked_server, text="a"))
    assert facts(open_page(stacked_server, text="a")).endswith("reads both ways")
    assert facts(open_page(rnn_server, text="a")).startswith("simple RNN, without gates layers 2")


@pytest.mark.parametrize(
    ("locale", "language", "title"),
    [
        ("en-GB", "en", "The running belief"),
        ("zh-CN", "zh-Hans", "逐步的判断"),
        ("zh-TW", "zh-Hans", "逐步的判断"),
        ("fr-FR", "en", "The running belief"),
    ],
)
def test_the_language_is_the_browser_s(
    open_page: Open, tiny_server: Server, locale: str, language: str, title: str
) -> None:
    page = open_page(tiny_server, locale=locale, text="a great film")
    assert page.get_attribute("html", "lang") == language
    assert page.inner_text("#belief h2") == title


def test_the_language_can_be_chosen(page: "Page") -> None:
    page.click("text=中文")
    page.wait_for_selector("h2:has-text('文本与答案')")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    words = page.inner_text("body")
    assert "The running belief" not in words
    page.click("button:has-text('English')")
    page.wait_for_selector("h2:has-text('Text and answer')")
    assert page.get_attribute("html", "lang") == "en"


def test_no_words_are_missing(page: "Page") -> None:
    """In both languages every key has its words, and the same values to be put in."""
    table = page.evaluate(
        """async () => ({
            en: (await import('./inspector/locale/en.js')).en,
            zh: (await import('./inspector/locale/zh.js')).zh,
        })"""
    )
    assert len(table["en"]) > 200
    assert table["en"].keys() == table["zh"].keys()
    for key, english in table["en"].items():
        chinese = table["zh"][key]
        assert english, key
        assert chinese, key
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese)), key


def test_the_colours_are_the_system_s_or_chosen(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, colour_scheme="dark", text="a great film")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(background)
    token = page.locator("#belief [role=option]").nth(1)
    painted = token.get_attribute("style")
    page.select_option(".choices select", "light")
    page.wait_for_selector("html[data-theme=light]")
    light = page.evaluate(background)
    assert sum(map(int, light[4:-1].split(","))) > 600 > sum(map(int, dark[4:-1].split(",")))
    assert token.get_attribute("style") != painted
    page.select_option(".choices select", "auto")
    page.wait_for_selector("html[data-theme=dark]")
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-theme=light]")
    assert page.evaluate(background) == light
