"""Memory over many texts: `python bench/soak.py`, and `python bench/soak.py --states`.

Texts of 1 to 1,000 random tokens are predicted in whatever company comes, as the server does it: so
many are read together, and whenever some have ended, as many others join. Or they are traced, some
at a time, with what /states can be asked for.
"""

import argparse
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

from conveyor import SHIPPED
from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import Classifier, use_threads, used_threads
from conveyor.model.network.selection import Selection
from conveyor.model.text.tokenizer import Encoding

LONGEST = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--states", action="store_true")
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--together", type=int, default=48)
    parser.add_argument("--threads", type=int, default=used_threads())
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    classifier = storage.load(arguments.model).classifier
    rng = np.random.default_rng(0)
    vocabulary = classifier.config.vocab_size
    texts = (rng.integers(2, vocabulary, rng.integers(1, LONGEST + 1)).tolist() for _ in count())
    read = trace if arguments.states else predict
    print("| texts | MB | seconds |\n| --- | --- | --- |", flush=True)
    started = time.perf_counter()
    finished = 0
    for done in read(classifier, texts, arguments.together):
        before, finished = finished, finished + done
        if before * 20 // arguments.texts != finished * 20 // arguments.texts:
            elapsed = time.perf_counter() - started
            print(f"| {finished:,} | {resident():.1f} | {elapsed:.0f} |", flush=True)
        if finished >= arguments.texts:
            break


def predict(classifier: Classifier, texts: Iterator[list[int]], together: int) -> Iterator[int]:
    """Predict by continuous batching; yields the number of texts that each step has finished."""
    reader = classifier.reader()
    numbers = count()
    while True:
        new = [(next(numbers), next(texts)) for _ in range(together - len(reader))]
        if new:
            reader.add(new)
        yield len(reader.step().finished)


def trace(classifier: Classifier, texts: Iterator[list[int]], together: int) -> Iterator[int]:
    """Trace batches of random size, with all parts or without; yields each one's size."""
    forward = not classifier.config.bidirectional
    everything = Selection(step_scores=forward, summaries=True, contributions=True, end=forward)
    for number in count():
        some = [Encoding(next(texts), []) for _ in range(1 + number % together)]
        classifier.trace(some, everything if number % 2 else Selection(tensors=()))
        yield len(some)


def resident() -> float:
    """Read this process's resident memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
