"""Pictures of every section of the page, wide and narrow, light and dark, to be looked at.

``python -m tests.browser.screenshots DIRECTORY [URL] [NAME=VALUE ...]`` takes them of the server
at the URL, or of one that it starts with the shipped model; name and value are put into the link.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

from conveyor import SHIPPED
from tests.browser.conftest import FLAGS, NARROW, WIDE, answered
from tests.integration.conftest import serving

SCHEMES = ("light", "dark")
TALL = 10_000
DRAWN = 1000  # milliseconds until what is fetched after the answer is drawn too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("url", nargs="?")
    parser.add_argument("state", nargs="*", type=lambda pair: pair.split("=", 1))
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    with _server(arguments.url) as url:
        take(url, arguments.directory, dict(arguments.state))


def take(url: str, directory: Path, state: dict[str, str]) -> None:
    """Write ``SECTION-WIDTH-SCHEME.png`` of each section, and ``page-...`` of the whole page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for width, height in (WIDE, NARROW):
            for scheme in SCHEMES:
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    locale="en-GB",
                    reduced_motion="reduce",
                )
                page.goto(f"{url}/#{urlencode({'theme': scheme} | state)}")
                answered(page)
                page.wait_for_timeout(DRAWN)
                page.screenshot(path=directory / f"page-{width}-{scheme}.png", full_page=True)
                # So tall that nothing scrolls: else the navigation lies over what is scrolled to.
                page.set_viewport_size({"width": width, "height": TALL})
                page.wait_for_timeout(DRAWN)
                for section in page.locator("main > section").all():
                    name = section.get_attribute("id")
                    section.screenshot(path=directory / f"{name}-{width}-{scheme}.png")
                page.close()
        browser.close()


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(SHIPPED, Path(directory) / "server.log") as running,
    ):
        yield running.url


if __name__ == "__main__":
    main()
