"""Damages a model's file in many ways, and converts each: ``python -m`` this FILE COUNT.

In a process of its own, which nothing but this has run in, as that of `conveyor convert` is.
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import safetensors.torch
import torch
import typer

from model.convert import files
from model.convert.complete import Told, complete
from model.convert.convert import Wanted, convert
from model.convert.files import Beside
from model.convert.source import Hints
from model.convert.supervision import Tell, supervised
from model.errors import ModelError
from tests.model.convert.published import Pooled, save_vocabulary


def made(directory: Path, name: str) -> Path:
    path, model = directory / name, Pooled(labels=2)
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
            os.environ["KERAS_BACKEND"] = "torch"
            import keras  # noqa: PLC0415 - it takes seconds

            layers = [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(24, 5),
                keras.layers.LSTM(4),
                keras.layers.Dense(2, activation="softmax"),
            ]
            keras.Sequential(layers).save(path)
    return path


def mutations(content: bytes, count: int) -> Iterator[bytes]:
    """Flipped bits, zeroed blocks of 64 bytes, and beginnings of a file, each time the same."""
    chance = random.Random(0)
    for number in range(count):
        broken = bytearray(content)
        place = chance.randrange(len(content))
        match number % 4:
            case 0 | 1:
                broken[place] ^= 1 << chance.randrange(8)
            case 2:
                end = min(len(broken), place + 64)
                broken[place:end] = bytes(end - place)
            case _:
                del broken[place:]
        yield bytes(broken)


def main(path: Path, count: int) -> None:
    """Print a line for each: the sentence, or that it was converted."""
    told = Told(vocabulary=Path(save_vocabulary(path.parent)[1]), split="word", labels="a,b")
    hints = Hints(parts=("last",) if path.suffix in {".pt", ".safetensors"} else None)

    def work(_tell: Tell) -> str:
        found = files.read(path, hints)
        tokens, names = complete(found, Beside(), told)
        with tempfile.TemporaryDirectory() as out:
            wanted = Wanted(tokens, names, 100, "m", path.name)
            return f"converted: {convert(found, wanted, [], Path(out))}"

    typer.echo(supervised(work, path, typer.echo))
    for broken in mutations(path.read_bytes(), count):
        path.write_bytes(broken)
        try:
            typer.echo(supervised(work, path, typer.echo, seconds=60))
        except ModelError as error:
            typer.echo(repr(str(error)))


if __name__ == "__main__":
    if sys.argv[2] == "make":
        made(Path(sys.argv[1]).parent, Path(sys.argv[1]).name)
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]))
