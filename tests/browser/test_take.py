"""Take it along: downloads open, copied requests answer, the link opens the same view."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from tests.browser.conftest import Open, answered, settle
from tests.integration.conftest import Server
from tests.process import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

HARD = "It's \"great\", $HOME `pwd` \\ back\nslash 电影 🎬 isn't it"


def click(page: "Page", name: str) -> None:
    page.click(f"#take [data-take={name}]")


def downloaded(page: "Page", name: str, ending: str) -> bytes:
    with page.expect_download() as event:
        click(page, name)
    assert event.value.suggested_filename.endswith(ending)
    return Path(event.value.path()).read_bytes()


def copied(page: "Page", name: str) -> str:
    """Click; returns what is left in the field, which is what was copied."""
    click(page, name)
    page.wait_for_selector("#take .said:not(:empty)")
    value: str = page.input_value("#take .request")
    return value


def of_server(server: Server, **fields: Any) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/states", json=fields, timeout=PATIENCE)
    result: dict[str, Any] = answer.raise_for_status().json()
    return result


def test_the_numbers_are_the_server_s(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=HARD, tensor="forget_gate")
    expected = of_server(
        tiny_server, inputs=HARD, tensors=["forget_gate"], layers=[0], step_scores=True
    )
    found = json.loads(downloaded(page, "json", "forget_gate-layer0-forward.json"))
    assert found == expected
    arrays = np.load(io.BytesIO(downloaded(page, "npz", ".npz")))
    np.testing.assert_allclose(
        arrays["text0.layer0.forward.forget_gate"],
        expected["results"][0]["layers"][0]["forget_gate"],
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["heatmap", "cell", "belief"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_open_and_are_drawn(
    open_page: Open, tiny_server: Server, name: str, scheme: Any
) -> None:
    page = open_page(tiny_server, text="a dull film, a great story", colour_scheme=scheme)
    settle(page, 300)
    content = downloaded(page, name, f"{name}-layer0-forward.png")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 400
    assert height > 100
    colours = page.evaluate(
        """async (bytes) => {
          const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
          const context = canvas.getContext('2d');
          context.drawImage(bitmap, 0, 0);
          const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
          return new Set(new Uint32Array(data.buffer)).size;
        }""",
        list(content),
    )
    assert colours > 8


def test_the_copied_requests_ask_for_the_same(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=HARD)
    expected = of_server(tiny_server, inputs=HARD, tensors=["hidden"], step_scores=True)
    for command in (
        ["sh", "-c", copied(page, "curl")],
        [sys.executable, "-c", copied(page, "python")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == expected


def test_the_link_opens_the_same_view(open_page: Open, tiny_server: Server) -> None:
    page = open_page(tiny_server, text=HARD, tensor="cell", step=3, unit=2, language="zh")
    there = open_page(tiny_server, hash="#" + copied(page, "link").partition("#")[2])
    answered(there)
    assert there.input_value("#text textarea") == HARD
    settle(there, 300)
    for selector in ("#belief", "#heatmap", "#cell", "#memory"):
        assert there.text_content(selector) == page.text_content(selector)


def test_where_nothing_may_be_copied_the_words_are_selected(
    open_page: Open, tiny_server: Server
) -> None:
    page = open_page(tiny_server, text="a film")
    page.evaluate(
        "() => { navigator.clipboard.writeText = async () => { throw new Error('no'); }; }"
    )
    words = copied(page, "curl")
    assert "selected" in page.inner_text("#take .said")
    selected = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert page.eval_on_selector("#take .request", selected) == words
