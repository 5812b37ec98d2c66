"""Speed of the networks, in texts a second: `python bench/experiments/speed.py --data DIR`.

The models that run.py has trained on IMDB, one of each kind, and the shipped one. They take turns
on one core and the same reviews, so a change of the machine's speed hits them all.
"""

import argparse
import random
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from bench.experiments.plan import FAMILY, IMDB, SHIPPED
from bench.experiments.run import ROOT, WORK
from bench.experiments.saved import SPEED, Read, Speed, run_name, save
from conveyor.model.artifact import storage
from conveyor.model.data.examples import read_examples
from conveyor.model.inference.classifier import Classifier, use_threads

SAMPLE, TURNS = 512, 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, default=WORK, help=f"by default {WORK}")
    arguments = parser.parse_args()
    use_threads(1)
    paths = {e.name: arguments.work / run_name(e, e.seeds[0]) / "model" for e in FAMILY}
    paths[SHIPPED.name] = ROOT / SHIPPED.model
    models = {name: storage.load(path).classifier for name, path in paths.items()}
    texts = [example.text for example in read_examples(str(arguments.data / IMDB.test))]
    save(SPEED, race(models, random.Random(0).sample(texts, SAMPLE)))
    print(f"written to {SPEED}")


def race(models: Mapping[str, Classifier], texts: list[str], turns: int = TURNS) -> Speed:
    """Time each model in turn; returns its median speed. Texts are encoded beforehand."""
    encodings = {
        name: [e.last(model.config.max_tokens) for e in model.encode(texts, offsets=False)]
        for name, model in models.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(turns + 1):
        for name, model in models.items():
            started = time.perf_counter()
            model.predict(encodings[name])
            if turn > 0:  # a kernel's first call of each shape takes longer
                seconds[name].append(time.perf_counter() - started)
    return Speed(
        texts=len(texts),
        turns=turns,
        results=tuple(
            Read(name=name, texts_per_second=len(texts) / statistics.median(times))
            for name, times in seconds.items()
        ),
    )


if __name__ == "__main__":
    main()
