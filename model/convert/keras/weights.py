"""The weights of a Keras model's layers, each found where Keras puts it, and of known shape."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from conveyor.model.convert.keras.values import Call
from conveyor.model.convert.network import Array

if TYPE_CHECKING:  # it needs h5py, an optional extra
    from conveyor.model.convert.keras.file import KerasFile

# By what name the weights of a class are in an archive; the second of a class has _1 at the end.
GROUPS: Mapping[str, str] = {
    "Embedding": "embedding",
    "LSTM": "lstm",
    "SimpleRNN": "simple_rnn",
    "Bidirectional": "bidirectional",
    "Dense": "dense",
}
OPERATIONS = frozenset({"NotEqual", "GetItem"})  # which have no weights, and are not counted


class Weights:
    """The weights in a file; ``mapping`` holds, of those that were read, their name there and ours.

    An archive numbers the layers of a class, so each has to be counted as it is called.
    """

    def __init__(self, file: "KerasFile") -> None:
        self.mapping: list[tuple[str, str]] = []
        self._file = file
        self._counts: Counter[str] = Counter()

    def count(self, kind: str) -> None:
        """Note that the layer to be read next is one more of its class."""
        if kind not in OPERATIONS:
            self._counts[kind] += 1

    def read(self, call: Call, place: tuple[str, int], shape: tuple[int, ...], ours: str) -> Array:
        """Read the weight at a place within a layer.

        ``place`` is as `KerasFile.weight` takes it, ``ours`` our name of the tensor. Raises
        ConversionError if the weight is not there, or not of this shape.
        """
        number = self._counts[call.kind] - 1
        group = GROUPS[call.kind] + (f"_{number}" if number else "")
        theirs, array = self._file.weight(call.name, group, place)
        if array.shape != shape:
            raise call.refusal(f"has weights {theirs} of the shape {array.shape}, not {shape}")
        self.mapping.append((theirs, ours))
        return array
