"""The golden example: a text and the numbers that a model gave, and must give again."""

from itertools import chain
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from conveyor.model.artifact.model_files import GOLDEN
from conveyor.model.errors import ArtifactError
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.selection import Selection
from conveyor.model.text.smoke_test import panics_as_errors

# Processors and thread counts differ in the order of sums: a few 1e-6 in float32.
GOLDEN_TOLERANCE = 1e-4
GOLDEN_UNITS = 4


class Golden(BaseModel):
    """An example that was computed when the artifact was made, and must come out again at load.

    ``hidden`` and ``cell`` hold, for every layer and direction, the first few units after the
    text's last token; ``cell`` is empty where there is no cell state.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    ids: list[int]
    probabilities: list[float]
    hidden: list[list[float]]
    cell: list[list[float]]

    @classmethod
    def of(cls, classifier: Classifier, text: str) -> "Golden":
        """Compute the classifier's numbers for a text."""
        encoding = classifier.encode([text])[0].last(classifier.config.max_tokens)
        last = Selection(
            tensors=("hidden", "cell"), units=list(range(GOLDEN_UNITS)), steps=slice(-1, None)
        )
        trace = classifier.trace([encoding], last)[0]
        return cls(
            text=text,
            ids=encoding.ids,
            probabilities=trace.probabilities.tolist(),
            hidden=[layer.tensors["hidden"].ravel().tolist() for layer in trace.layers],
            cell=[
                layer.tensors["cell"].ravel().tolist()
                for layer in trace.layers
                if "cell" in layer.tensors
            ],
        )

    def difference(self, other: "Golden") -> str | None:
        """Name the first field in which another golden example differs from this one."""
        if self.ids != other.ids:
            return "ids"
        for name in ("probabilities", "hidden", "cell"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if _shape(mine) != _shape(theirs) or not np.allclose(
                mine, theirs, atol=GOLDEN_TOLERANCE
            ):
                return name
        return None

    def distance(self, other: "Golden") -> float:
        """Return the largest difference of a number from that of another one of the same shape."""
        mine, theirs = ([*g.probabilities, *chain(*g.hidden, *g.cell)] for g in (self, other))
        return float(np.abs(np.subtract(mine, theirs)).max())


def _shape(numbers: list[float] | list[list[float]]) -> list[int]:
    return [len(row) if isinstance(row, list) else 1 for row in numbers]


def reproduce(directory: Path, classifier: Classifier, golden: Golden) -> float:
    """Compute the golden example again; return the largest difference, within the tolerance.

    Raises ArtifactError where it is not.
    """
    try:
        with panics_as_errors():
            today = Golden.of(classifier, golden.text)
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises Exception itself
        raise ArtifactError(f"{directory} cannot read its golden example: {error}.") from None
    if field := golden.difference(today):
        raise ArtifactError(
            f"{directory} does not give the {field} that {GOLDEN} holds: "
            "one of its files has changed, or belongs to another model."
        )
    return golden.distance(today)
