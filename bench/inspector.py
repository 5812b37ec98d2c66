"""Latency of the inspector: `python bench/inspector.py`, on a machine that does nothing else.

A real server with a random model of 256 units, and Chromium without a screen on the same machine.
"Key to map" is from a key that is pressed in a text of 300 tokens to the frame with the heat map of
the new answer, less what the model took (`x-inference-time`); in it are the request, and all that
the page draws. "A frame" is the time from one frame to the next while the map of 2,000 tokens x 512
units scrolls; at 60 frames a second it is 16.7 ms.
"""

import argparse
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Page, ViewportSize, sync_playwright

from bench.load import serving
from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.tokenizer import PAD_ID, UNK_ID, Tokenizer

EMBEDDING = 128
WORDS = ["the", "film", "was", "so", "moving", "and", "its", "story", "dull", "that", "an", "actor"]
SIZE: ViewportSize = {"width": 1400, "height": 900}
LATE = 25  # milliseconds from frame to frame, by which one was left out

# Resolves with the milliseconds from the last key to the map of the text in the field.
MAP = """() => new Promise((resolve) => {
  const text = document.querySelector('#text textarea').value;
  const look = () => {
    const [key] = performance.getEntriesByName('conveyor:key');
    const [map] = performance.getEntriesByName('conveyor:heatmap');
    if (key && map && map.detail.text === text && map.startTime > key.startTime) {
      resolve({ all: map.startTime - key.startTime, model: map.detail.inferenceMs,
                steps: map.detail.steps });
    } else setTimeout(look, 5);
  };
  look();
})"""

# Scrolls the map to its end and back, and resolves with the milliseconds of each frame.
SCROLL = """(frames) => new Promise((resolve) => {
  const map = document.querySelector('.heatmap-scroll');
  const far = map.scrollWidth - map.clientWidth;
  const times = [];
  let last = 0;
  let left = frames;
  const step = (now) => {
    if (last) times.push(now - last);
    last = now;
    map.scrollLeft = far * (0.5 - 0.5 * Math.cos((2 * Math.PI * left) / frames));
    if (left-- > 0) requestAnimationFrame(step);
    else resolve(times);
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--frames", type=int, default=600)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}, ms\n")
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        print(f"Chromium {chromium.version}\n")
        print("| measure | median | p95 | worst |\n| --- | --- | --- | --- |")
        with serving(_model(Path(directory) / "256", 256), []) as (_, port):
            page = chromium.new_page(viewport=SIZE)
            page.goto(f"http://127.0.0.1:{port}/#text=")
            page.fill("#text textarea", _text(300))
            for order in ("index", "similarity"):
                for row in keys(page, 300, order, arguments.keys):
                    print(row, flush=True)
            page.close()
        with serving(_model(Path(directory) / "512", 512), []) as (_, port):
            page = chromium.new_page(viewport=SIZE)
            page.goto(f"http://127.0.0.1:{port}/#text=")
            for row in scrolling(page, 2000, arguments.frames):
                print(row, flush=True)
        chromium.close()


def keys(page: Page, tokens: int, order: str, count: int) -> list[str]:
    """Type one letter after the other at the end of the text, each when the last is drawn."""
    page.evaluate(MAP)
    page.check(f"#heatmap input[value={order}]", force=True)
    page.focus("#text textarea")
    page.keyboard.press("Control+End")
    times, models = [], []
    for at in range(count):
        page.keyboard.press("Backspace" if at % 2 else "s")
        found = page.evaluate(MAP)
        assert found["steps"] == tokens, found
        times.append(found["all"] - found["model"])
        models.append(found["model"])
    return [
        _row(f"key to map, {tokens} tokens x 256 units, by {order}", times),
        _row("the model, taken out of it", models),
    ]


def scrolling(page: Page, tokens: int, frames: int) -> list[str]:
    page.fill("#text textarea", _text(tokens))
    assert page.evaluate(MAP)["steps"] == tokens
    page.wait_for_timeout(1000)
    page.locator(".heatmap-scroll").scroll_into_view_if_needed()
    times = page.evaluate(SCROLL, frames)
    late = sum(time > LATE for time in times)
    row = _row(f"a frame, scrolling {tokens:,} tokens x 512 units", times)
    return [row, f"\n{late} of {len(times)} frames came late."]


def _row(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    high = ordered[int(0.95 * (len(ordered) - 1))]
    return f"| {name} | {statistics.median(times):.1f} | {high:.1f} | {ordered[-1]:.1f} |"


def _text(tokens: int) -> str:
    return " ".join((WORDS * tokens)[:tokens])


def _model(directory: Path, units: int) -> Path:
    torch.manual_seed(0)
    tokenizer = Tokenizer.train([" ".join(WORDS)] * 3, "word", 300)
    config = ModelConfig.model_validate(
        {
            "vocab_size": tokenizer.vocab_size,
            "embedding_dim": EMBEDDING,
            "hidden_size": units,
            "id2label": {0: "negative", 1: "positive"},
            "max_tokens": 4096,
            "pad_token_id": PAD_ID,
            "unk_token_id": UNK_ID,
        }
    )
    classifier = Classifier(config, LSTMClassifier(config).eval(), tokenizer)
    storage.save(directory, classifier, golden_text="the film was moving", card="# random\n")
    return directory


if __name__ == "__main__":
    main()
