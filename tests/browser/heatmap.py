"""What the heat map shows, read from its canvas and its elements."""

import re
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from tests.browser.conftest import answered, until
from tests.integration.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = "the film was wonderful and its story so moving, an actor was dull"
MINUS = "\N{MINUS SIGN}"
GATES = {"forget_gate", "input_gate", "output_gate"}
ROW, LEFT = 24, 40  # pixels: few units have rows this high, right of their numbers

# Colours of the cells' canvas at points of the window, as [red, green, blue].
PIXELS = """points => {
  const canvas = document.querySelector('.heatmap-cells');
  const density = canvas.width / canvas.clientWidth;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return points.map(([x, y]) => {
    const at = 4 * (Math.floor(y * density) * canvas.width + Math.floor(x * density));
    return [...data.subarray(at, at + 3)];
  });
}"""
TABLE = """async kind => {
  const { lookup } = await import(new URL('inspector/components/colours.js', document.baseURI));
  return [...lookup(kind).rgba];
}"""


def states(server: Server, text: str, **fields: object) -> dict[str, Any]:
    """Call /states for one text; tensors are arrays, steps x units."""
    body = {"inputs": text, **fields}
    result = httpx.post(f"{server.url}/states", json=body).raise_for_status().json()
    answer: dict[str, Any] = result["results"][0]
    return answer


def numbers(
    server: Server, text: str, tensor: str, layer: int = 0, direction: str = "forward"
) -> np.ndarray:
    selected = {"tensors": [tensor], "layers": [layer], "directions": [direction]}
    [found] = states(server, text, **selected)["layers"]
    return np.array(found[tensor], np.float32)


def drawn(page: "Page") -> None:
    """Wait until the map of the answer in sight stands on the screen."""
    answered(page)
    until(
        page,
        "() => performance.getEntriesByName('conveyor:heatmap')[0]?.detail.text"
        " === document.querySelector('#text textarea').value",
    )
    page.evaluate("() => new Promise(requestAnimationFrame)")


def colours(page: "Page", kind: str) -> np.ndarray:
    return np.array(page.evaluate(TABLE, kind)).reshape(256, 4)[:, :3]


def expected(page: "Page", tensor: str, values: np.ndarray) -> np.ndarray:
    """Look up the colours of a tensor's values, as the legend says."""
    low, high = (0, 1) if tensor in GATES else (-1, 1)
    if tensor == "cell":
        high = np.abs(values).max()
        low = -high
    index = np.clip(np.floor((values - low) / (high - low) * 255 + 0.5), 0, 255).astype(int)
    found: np.ndarray = colours(page, "sequential" if tensor in GATES else "diverging")[index]
    return found


def cells(page: "Page", steps: int, rows: int, left: int = LEFT) -> np.ndarray:
    """Read the colours of a map that is all in sight, with rows of ROW pixels: rows x steps x 3."""
    width = page.evaluate("parseFloat(document.querySelector('.heatmap-field').style.width)")
    cell = (width - left) / steps
    # Beside the middle, where the number stands, and beside the lines between cells.
    points = [
        [left + (step + 0.3) * cell, (row + 0.15) * ROW]
        for row in range(rows)
        for step in range(steps)
    ]
    return np.array(page.evaluate(PIXELS, points)).reshape(rows, steps, 3)


def near(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare within one step of the table, by which float32 may round elsewhere."""
    return bool(np.abs(one.astype(int) - other.astype(int)).max() <= 3)


def choose(page: "Page", words: str) -> None:
    page.locator("#heatmap .choice-row label", has_text=words).click()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")


def at(page: "Page", x: float, y: float) -> None:
    """Point at a place of the window."""
    page.locator(".heatmap-pane").hover(position={"x": x, "y": y})


def readout(page: "Page") -> str:
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return page.inner_text(".heatmap-readout")


def place(page: "Page") -> tuple[int, int]:
    """Read the token, counted from one, and the unit that are pointed at."""
    found = re.search(r"token (\d+), unit (\d+):", readout(page))
    assert found
    return int(found[1]), int(found[2])


def units_from_above(page: "Page", rows: int, left: int = LEFT) -> list[int]:
    """List the unit of each row, as the map tells who points at it."""
    found = []
    for row in range(rows):
        at(page, left + 5, (row + 0.5) * ROW)
        found.append(place(page)[1])
    return found


def selected(page: "Page") -> tuple[int | None, int]:
    """Read the chosen unit, and the chosen step."""
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    title = page.locator(".heatmap-unit h3")
    unit = int(title.inner_text().split()[4]) if title.is_visible() else None
    step = page.locator("#belief [role=option][aria-selected=true]").get_attribute("data-step")
    assert step is not None
    return unit, int(step)


def show(page: "Page", text: str = TEXT) -> None:
    page.fill("#text textarea", text)
    drawn(page)


def tokens_of(page: "Page") -> int:
    return page.locator("#belief [role=option]").count()
