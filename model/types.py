"""Types that more than one part of the package speaks of."""

from enum import StrEnum
from typing import Literal

# The kinds of tokenizers that are trained here.
TokenizerKind = Literal["word", "bpe"]

# The rules by which a text is cut into the tokens of a vocabulary.
Split = Literal["whitespace", "word", "character", "basic-english", "keras"]


class Panel(StrEnum):
    """A part of a command's help. Options that most people need are in none, and come first."""

    DATA = "Data"
    NETWORK = "Network"
    TRAINING = "Training"
    REGULARIZATION = "Regularization"
    STARTING_POINT = "Starting point"


class Chosen(StrEnum):
    """Who decides a setting that nobody gives."""

    BY_TABLE = "by the table"


def spelled(name: str) -> str:
    """Spell a setting's name as a flag: max_tokens -> --max-tokens."""
    return f"--{name.replace('_', '-')}"
