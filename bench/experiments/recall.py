"""Memory for one word over distance: `python bench/experiments/recall.py`.

The label of a text is its first word, one of eight; all that follow are drawn from the same eight
and say nothing: a network must not only remember one, but let the others pass. It is trained for
each length, cell and seed, on texts from 2 words up to that length, and judged on texts of exactly
that length. Texts of all octaves are as frequent in training: a network that forgets within ten
steps, as an untrained LSTM does, has to be led to longer ones by shorter ones.

Each training is saved as it ends; run again, the command goes on with the next.
"""

import math
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.experiments.saved import RECALL, Recall, Recalled, load, save
from conveyor.model.artifact import storage
from conveyor.model.data.examples import Example
from conveyor.model.evaluation.metrics import evaluate
from conveyor.model.inference.classifier import use_threads
from conveyor.model.network.config import CellName
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import train

LABELS = ("red", "green", "blue", "white", "black", "brown", "pink", "grey")

LENGTHS = (10, 20, 50, 100, 200, 400, 800)
CELLS: tuple[CellName, ...] = ("rnn", "lstm")
SEEDS = (0, 1, 2)
TRAINING_TEXTS, TEST_TEXTS = 2000, 500

# The same for both cells, and tuned for neither: the learning rate is the default. Nothing is held
# out, so all passes are made.
SETTINGS = TrainingSettings(
    embedding_dim=16,
    hidden_size=64,
    pooling="last",
    epochs=12,
    dropout=0.0,
    embedding_dropout=0.0,
    validation_fraction=0.0,
    device="cpu",
)


def main() -> None:
    use_threads(1)
    recall = load(RECALL, Recall) or Recall(
        chance=1 / len(LABELS),
        units=SETTINGS.hidden_size,
        training_texts=TRAINING_TEXTS,
        passes=SETTINGS.epochs,
        test_texts=TEST_TEXTS,
    )
    done = {(result.cell, result.length, result.seed) for result in recall.results}
    for length in LENGTHS:
        for cell in CELLS:
            for seed in SEEDS:
                if (cell, length, seed) not in done:
                    result = learn(cell, length, seed)
                    recall = recall.model_copy(update={"results": (*recall.results, result)})
                    save(RECALL, recall)
                    print(f"{cell}, {length} words, seed {seed}: {result.accuracy:.1%}", flush=True)


def learn(
    cell: CellName,
    length: int,
    seed: int,
    settings: TrainingSettings = SETTINGS,
    texts: int = TRAINING_TEXTS,
) -> Recalled:
    """Train for texts of up to this length, and judge at it."""
    started = time.monotonic()
    settings = settings.model_copy(update={"cell": cell, "seed": seed, "train_tokens": length})
    rng = random.Random(f"training {length} {seed}")
    examples = sentences(training_lengths(texts, length, rng), rng)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        train(examples, settings, model)
        seconds = time.monotonic() - started
        test = sentences([length] * TEST_TEXTS, random.Random(f"test {length} {seed}"))
        accuracy = evaluate(storage.load(model).classifier, test).accuracy
    return Recalled(cell=cell, length=length, seed=seed, accuracy=accuracy, seconds=seconds)


def sentences(lengths: Sequence[int], rng: random.Random) -> list[Example]:
    """Draw texts of these lengths in words; the first word is the label."""
    texts = (rng.choices(LABELS, k=length) for length in lengths)
    return [Example(" ".join(words), words[0]) for words in texts]


def training_lengths(count: int, longest: int, rng: random.Random) -> list[int]:
    """Draw lengths from 2 to the longest, their logarithms evenly."""
    return [round(math.exp(rng.uniform(math.log(2), math.log(longest)))) for _ in range(count)]


if __name__ == "__main__":
    main()
