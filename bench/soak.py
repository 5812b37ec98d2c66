"""Whether memory grows: `python bench/soak.py`.

Texts of 1 to 1,000 random tokens are predicted in whatever company comes, as the server does it: so
many are read together, and whenever some have ended, as many others join.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from model import artifact
from model.classifier import use_threads, used_threads
from service.settings import DEFAULT_MODEL

LONGEST = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--together", type=int, default=48)
    parser.add_argument("--threads", type=int, default=used_threads())
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    classifier = artifact.load(arguments.model).classifier
    rng = np.random.default_rng(0)
    reader = classifier.reader()
    print("| texts | MB | seconds |\n| --- | --- | --- |", flush=True)
    started = time.perf_counter()
    begun = finished = 0
    while finished < arguments.texts:
        texts = []
        for number in range(begun, min(arguments.texts, begun + arguments.together - len(reader))):
            ids = rng.integers(2, classifier.config.vocab_size, rng.integers(1, LONGEST + 1))
            texts.append((number, ids.tolist()))
        if texts:
            reader.add(texts)
        begun += len(texts)
        before = finished
        finished += len(reader.step().finished)
        if before * 20 // arguments.texts != finished * 20 // arguments.texts:
            elapsed = time.perf_counter() - started
            print(f"| {finished:,} | {resident():.1f} | {elapsed:.0f} |", flush=True)


def resident() -> float:
    """This process's memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
