"""The document's examples run as they stand, and what they make is served at once."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.integration.conftest import serving
from tests.process import PATIENCE, assert_one_sentence, conveyor

DOCUMENT = (Path(__file__).parents[2] / "docs" / "convert.md").read_text()
LAST = ["--pooling", "last"]
FRAMEWORKS = ["torch", "keras", "onnx"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all blocks of the document in a directory."""
    directory = tmp_path_factory.mktemp("converted")
    for kind, block in re.findall(r"```(python|sh)\n(.*?)```", DOCUMENT, re.DOTALL):
        if kind == "python":
            done = subprocess.run(
                [sys.executable, "-c", block], cwd=directory, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            continue
        for command in map(shlex.split, block.splitlines()):
            ran = conveyor(*command[1:], cwd=directory)
            assert ran.returncode == 0, ran.stderr + ran.stdout
    return directory


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_the_document_makes_is_served_at_once(
    converted: Path, tmp_path: Path, framework: str
) -> None:
    model = converted / f"from-{framework}"
    texts = ["The film was great", "dull"]
    with (
        serving(model, tmp_path / "log") as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE) as client,
    ):
        predicted = client.post("/predict", json={"inputs": texts}).raise_for_status().json()
        states = client.post("/states", json={"inputs": texts}).raise_for_status().json()
    assert [result["prediction"] for result in states["results"]] == predicted
    assert {each["label"] for each in predicted[0]} == {"negative", "positive"}
    assert states["results"][0]["ids"] == [2, 3, 4, 5]
    layer = states["results"][0]["layers"][0]
    c, f, i, g = (
        np.array(layer[name]) for name in ("cell", "forget_gate", "input_gate", "candidate")
    )
    before = np.vstack([np.zeros_like(c[:1]), c[:-1]])
    np.testing.assert_allclose(c, f * before + i * g, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "give --pooling last"),
        (["--pooling", "last"], "--tokenizer|--vocabulary"),
        (["--vocabulary", "words.txt", "--split", "word", "--pooling", "last"], "--labels"),
        (
            ["--vocabulary", "words.txt", "--labels", "a,b,c", "--split", "word", *LAST],
            "2 labels apart, but these are 3",
        ),
        (["--vocabulary", "none.txt", "--split", "word", "--labels", "a,b", *LAST], r"none\.txt"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    converted: Path, flags: list[str], says: str
) -> None:
    result = conveyor("convert", "torch.pt", "--out", "out", *flags, cwd=converted)
    assert_one_sentence(result, says)
    assert not (converted / "out").exists()


def test_nothing_half_written_is_left_on_a_full_disk(converted: Path) -> None:
    """/dev/full stands for one."""
    result = conveyor(
        *["convert", "torch.pt", "--out", "/dev/full/out", "--pooling", "last"],
        *["--vocabulary", "words.txt", "--split", "word", "--labels", "a,b"],
        cwd=converted,
    )
    assert_one_sentence(result, "cannot be written")
