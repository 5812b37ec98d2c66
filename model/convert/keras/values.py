"""Symbolic values: what flows between the layers of a Keras model, and the call of a layer on them.

W is the units of all directions of a layer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conveyor.model.convert.source import OutputKind
from conveyor.model.errors import ConversionError


@dataclass(frozen=True)
class Ids:
    """The token ids, or the mask of those that count."""

    mask: bool = False


@dataclass(frozen=True)
class Steps:
    """A vector for each step: of the embedding at depth 0, else of the states of that layer."""

    depth: int
    width: int


@dataclass(frozen=True)
class Units:
    """One row for each text: these columns of the poolings of the layer at a depth (3W)."""

    depth: int
    reads: tuple[int, ...]


@dataclass(frozen=True)
class CellState:
    """The cell state c, which no head of an artifact reads."""


@dataclass(frozen=True)
class Scores:
    """The output of the head."""

    kind: OutputKind


Value = Ids | Steps | Units | CellState | Scores


@dataclass(frozen=True)
class Call:
    """A layer of a class and name, with its configuration, called on values and constants."""

    kind: str
    name: str
    config: Mapping[str, Any]
    inputs: Sequence[Value]
    constants: Sequence[Any] = ()

    def refusal(self, why: str) -> ConversionError:
        """Return the error that says, in a clause, why the layer cannot be converted."""
        return ConversionError(f"its layer {self.name} ({self.kind}) {why}")

    def size(self, option: str) -> int:
        """Return an option that is a number of units, or the like. Raises ConversionError."""
        size = self.config[option]
        if type(size) is not int or size < 1:
            raise self.refusal(f"has {option}={size!r}, which is no size")
        return size
