"""Throughput of `conveyor predict`, beside the most that the model can do in one process.

The ceiling has all texts in memory, tokenized and sorted by length as a whole. The command reads a
file, window by window, and writes one. Its start is taken out: what counts is how much longer many
rows take than few. Both take turns in one run, with one thread each.

    python bench/predict_file.py --data test.tsv.gz [--model DIR] [--rounds 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conveyor.model.artifact import storage
from conveyor.model.data.examples import read_texts
from conveyor.model.inference.classifier import use_threads

ROOT = Path(__file__).parents[1]
FEW, MANY = 500, 4_500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "model/pretrained/imdb-sentiment")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    # Rows of both labels, which the file has one after the other.
    texts = read_texts(arguments.data)
    texts = texts[:: max(1, len(texts) // MANY)][:MANY]
    use_threads(1)
    shares = []
    for number in range(arguments.rounds):
        best = ceiling(arguments.model, texts[FEW:])
        seconds = command(arguments.model, texts) - command(arguments.model, texts[:FEW])
        found = (len(texts) - FEW) / seconds
        shares.append(found / best)
        print(
            f"round {number + 1}: {found:.0f} of {best:.0f} texts/s, {shares[-1]:.1%}", flush=True
        )
    print(f"median {statistics.median(shares):.1%}")


def ceiling(model: Path, texts: list[str]) -> float:
    """Time the model in this process, tokenizing included; returns texts a second."""
    classifier = storage.load(model).classifier
    began = time.perf_counter()
    encodings = classifier.encode(texts, offsets=False)
    classifier.predict(sorted(encodings, key=lambda encoding: len(encoding.ids)))
    return len(texts) / (time.perf_counter() - began)


def command(model: Path, texts: list[str]) -> float:
    """Run `conveyor predict` on these texts; returns its seconds."""
    with tempfile.TemporaryDirectory() as directory:
        data, out = Path(directory, "in.jsonl"), Path(directory, "out.jsonl")
        data.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        began = time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, "-m", "conveyor.service.cli", "predict"),
                model,
                "--data",
                data,
                "--out",
                out,
            ],
            check=True,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
