"""Damages a model's file in many ways, and converts each: ``python -m`` this FILE COUNT.

In a process that has computed nothing before it forks for each, as that of `conveyor convert` is.
What these need is imported once, before any is forked.
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py  # noqa: F401 - imported here once, and by what reads the files when they do
import keras
import onnxruntime  # noqa: F401
import safetensors.torch
import torch
import typer

from conveyor.model.convert import files
from conveyor.model.convert.convert import TargetSpec, convert
from conveyor.model.convert.files import SiblingFiles
from conveyor.model.convert.keras import file  # noqa: F401
from conveyor.model.convert.onnx import graph, tracer  # noqa: F401
from conveyor.model.convert.options import ConvertOptions, tokens_and_labels
from conveyor.model.convert.source import Hints
from conveyor.model.convert.supervision import Report, supervised
from conveyor.model.errors import ModelError
from tests.model.convert.published import Pooled, save_vocabulary


def make(path: Path) -> None:
    """Save a small model in the format of the file's suffix."""
    model = Pooled(labels=2)
    match path.suffix:
        case ".safetensors":
            safetensors.torch.save_file(model.state_dict(), path)
        case ".pt":
            torch.save(model.state_dict(), path)
        case ".onnx":
            example = (torch.tensor([[2, 3, 4]]),)
            axes = {"ids": {0: "texts", 1: "steps"}}
            torch.onnx.export(
                model, example, str(path), input_names=["ids"], dynamic_axes=axes, dynamo=False
            )
        case _:
            layers = [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(24, 5),
                keras.layers.LSTM(4),
                keras.layers.Dense(2, activation="softmax"),
            ]
            keras.Sequential(layers).save(path)


def mutations(content: bytes, count: int) -> Iterator[bytes]:
    """Yield a file with flipped bits, zeroed blocks or no end, each time the same."""
    chance = random.Random(0)
    for number in range(count):
        broken = bytearray(content)
        index = chance.randrange(len(content))
        match number % 4:
            case 0 | 1:
                broken[index] ^= 1 << chance.randrange(8)
            case 2:
                end = min(len(broken), index + 64)
                broken[index:end] = bytes(end - index)
            case _:
                del broken[index:]
        yield bytes(broken)


def ends(path: Path, count: int) -> list[str]:
    """Convert the whole file and so many damaged ones; return each one's error, or its proof."""
    options = ConvertOptions(
        vocabulary=Path(save_vocabulary(path.parent)[1]), split="word", labels="a,b"
    )
    hints = Hints(parts=("last",) if path.suffix in {".pt", ".safetensors"} else None)

    def work(_report: Report) -> str:
        found = files.read(path, hints)
        tokens, names = tokens_and_labels(found, SiblingFiles(), options)
        with tempfile.TemporaryDirectory() as out:
            target = TargetSpec(tokens, names, 100, "m", path.name)
            return f"converted: {convert(found, target, [], Path(out))}"

    found = []
    content = path.read_bytes()
    for each in (content, *mutations(content, count)):
        path.write_bytes(each)
        try:
            found.append(supervised(work, path, print, seconds=60))
        except ModelError as error:
            found.append(f"refused: {error}")
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if not os.fork():
        make(where)
        os._exit(0)
    os.wait()
    typer.echo("\n".join(ends(where, int(sys.argv[2]))))
