"""Source: a model of another framework in our terms, and the converters that read one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from torch import Tensor

from conveyor.model.arrays import Floats
from conveyor.model.convert.head import Part
from conveyor.model.errors import ConversionError
from conveyor.model.network.config import CellName, Pooling
from conveyor.model.text.tokenizer import Tokenizer

OutputKind = Literal["logits", "probabilities"]


@dataclass(frozen=True)
class Hints:
    """Hints for a model whose file does not say which tensor is which, nor how it pools.

    ``key_map`` maps our names of tensors, or of modules (embedding, lstm, head), to the file's.
    """

    key_map: dict[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] | None = None

    def refuse(self, path: Path) -> None:
        """Raise ConversionError if there are any, for a file that says all of this itself."""
        if self != Hints():
            raise ConversionError(
                f"{path} says itself what is what and how it pools: leave out --key-map and "
                "--pooling."
            )


@dataclass(frozen=True)
class NetworkShape:
    """The sizes of a network, as `ModelConfig` has them; ``hidden_size`` is of one direction."""

    vocab_size: int
    embedding_dim: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: Pooling
    labels: int
    cell: CellName = "lstm"


@dataclass(frozen=True)
class Source:
    """A model of another framework, its weights by our names and in our layout.

    ``weights`` are the tensors of `LSTMClassifier`'s own state dict (embedding.weight,
    lstm.weight_ih_l0, ..., head.weight, head.bias): float32, gates in the order i, f, g, o, two
    biases. A source with one output, of the second of two labels, has a head of two here
    (`conveyor.model.convert.head`).

    ``mapping`` pairs, for people, each name in the file with our name of the tensor.

    ``run`` is the source framework itself: for texts of token ids, each run alone and unpadded, it
    returns the source's outputs, (texts, labels), or (texts, 1) where it has one output. It is None
    where the framework is not installed, or the file has no program. ``has_program`` is true if the
    file itself says what is run; else it is the framework's own modules, put together as people say
    that the source puts them together.

    ``steps`` is the only number of tokens that the framework can run, where there is only one, and
    ``skips`` the id that it passes over wherever it stands, so that it must be that of padding.

    ``tokenizer`` and ``label_names`` are there if the source's own file brings them.
    """

    framework: str
    weights: dict[str, Tensor]
    shape: NetworkShape
    mapping: list[tuple[str, str]]
    run: Callable[[list[list[int]]], Floats] | None = None
    output_kind: OutputKind = "logits"
    has_program: bool = True
    notes: list[str] = field(default_factory=list)
    steps: int | None = None
    skips: int | None = None
    tokenizer: Tokenizer | None = None
    label_names: tuple[str, ...] | None = None


class Converter(Protocol):
    """A function that reads the files of one framework."""

    def __call__(self, path: Path, hints: Hints) -> Source:
        """Read the model of a file. Raises ConversionError with one sentence."""
