"""Recipe: the settings that suit a table of texts, where nobody has chosen others.

Start, mixtures and steps were chosen on held-out texts of three English tables and a Chinese one,
of 2 to 150 labels and 10 or 50 texts of each: docs/training.md has what they bring. What is for
tables of more or of longer texts keeps the time within bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from conveyor.model.data.examples import Example
from conveyor.model.text.tokenizer import UNK_ID, Tokenizer
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.types import spelled

# Texts that are looked at.
SAMPLE = 2_000
# A step of more texts costs less a text; of few, there would be too few steps.
SMALL_BATCH, LARGE_BATCH, LARGE_TABLE = 32, 64, 5_000
# Each text is read so many times, half as often by a network that has been pretrained, within these
# numbers of steps, however few or many texts there are.
PASSES, PRETRAINED_PASSES = 25, 12
FEWEST_STEPS, MOST_STEPS = 400, 3_000
# And so many times at least, and at most so many tokens in all: half an hour of two cores.
FEWEST_PASSES, MOST_TOKENS = 3, 8_000_000
# Where the loss on held-out texts has not fallen for this share of the steps, it will not fall.
PATIENCE = 0.4
# Of the texts' tokens, the language model has to know so many: of other languages it knows names,
# numbers and signs.
KNOWN = 0.7
# What the flags of a network's shape say, a pretrained one decides by itself.
SHAPE = frozenset(
    {
        "bidirectional",
        "cell",
        "embedding_dim",
        "hidden_size",
        "num_layers",
        "tokenizer",
        "vocab_size",
    }
)

# Where a run starts: from what the recipe chooses, a pretrained model, or nothing and word vectors.
Start = Literal["auto", "pretrained", "none"]
AUTOMATIC: Final = "auto"


@dataclass(frozen=True)
class Table:
    """What decides a recipe: texts, labels, tokens a text, and the share of those known."""

    texts: int
    labels: int
    tokens: float
    known: float

    @classmethod
    def of(cls, examples: Sequence[Example], tokenizer: Tokenizer, most: int) -> "Table":
        """Look at the last ``most`` tokens of each text, with a language model's tokenizer."""
        some = np.random.default_rng(0).permutation(len(examples))[:SAMPLE]
        texts = [examples[index].text for index in some]
        ids = [encoding.last(most).ids for encoding in tokenizer.encode_each(texts)]
        tokens = sum(map(len, ids))
        unknown = sum(each.count(UNK_ID) for each in ids)
        labels = len({example.label for example in examples})
        known = 1 - unknown / max(1, tokens)
        return cls(len(examples), labels, max(1.0, tokens / len(ids)), known)


@dataclass(frozen=True)
class Recipe:
    """Settings for a table; whether to start from the English model; and why, in two lines."""

    settings: TrainingSettings
    english: bool
    reasons: tuple[str, ...]


def recipe(table: Table, given: TrainingSettings, start: Start) -> Recipe:
    """Choose what was not given, and with "auto" also whether to start from the language model."""
    shaped = sorted(SHAPE & given.model_fields_set)
    english = start == AUTOMATIC and not shaped and table.known >= KNOWN
    passes = PRETRAINED_PASSES if english or start == "pretrained" else PASSES
    batch, epochs = given.batch_size, given.epochs
    if "batch_size" not in given.model_fields_set:
        batch = SMALL_BATCH if table.texts < LARGE_TABLE else LARGE_BATCH
    if "epochs" not in given.model_fields_set:
        epochs = _epochs(table, batch, passes)
    suitable = {
        "batch_size": batch,
        "epochs": epochs,
        "patience": max(3, round(PATIENCE * epochs)),
        "averaging": 0.999,
        "ngrams": 1.0,
    }
    chosen = {name: suitable[name] for name in suitable if name not in given.model_fields_set}
    settings = given.model_copy(update=chosen)
    why = [_start(table, shaped, english=english)] if start == AUTOMATIC else []
    return Recipe(settings, english, (*why, _flags(table, chosen)))


def _epochs(table: Table, batch: int, passes: int) -> int:
    steps_a_pass = max(1.0, table.texts / batch)
    steps = min(max(passes * steps_a_pass, FEWEST_STEPS), MOST_STEPS)
    affordable = MOST_TOKENS / (table.texts * table.tokens)
    return max(FEWEST_PASSES, round(min(steps / steps_a_pass, affordable)))


def _start(table: Table, shaped: Sequence[str], *, english: bool) -> str:
    if english:
        return (
            "Starts from the English language model, which knows "
            f"{table.known:.0%} of the tokens (--pretrained none starts from nothing)."
        )
    if shaped:
        return f"Starts from nothing, as {spelled(shaped[0])} decides the network's shape."
    return f"Starts from nothing: the English language model knows {table.known:.0%} of the tokens."


def _flags(table: Table, chosen: Mapping[str, object]) -> str:
    flags = " ".join(f"{spelled(name)} {value}" for name, value in chosen.items())
    return (
        f"For {table.texts:,} texts of {table.labels:,} labels, {table.tokens:.0f} tokens each: "
        f"{flags or 'all as the flags say'}."
    )
