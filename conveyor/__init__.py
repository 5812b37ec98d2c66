"""Conveyor serves a trained LSTM text classifier, and shows what happens inside it.

`model` and `service` beside this file are links to the repository's folders; a wheel has them here.
"""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conveyor.model.inference.classifier import Classifier

PRETRAINED = Path(__file__).parent / "model" / "pretrained"
SHIPPED = PRETRAINED / "imdb-sentiment"
ENGLISH = PRETRAINED / "imdb-language"


def load(directory: str | PathLike[str] = SHIPPED) -> "Classifier":
    """Load a model directory's classifier; by default, of the shipped model.

    Raises ArtifactError.
    """
    from conveyor.model.artifact import storage  # noqa: PLC0415 - PyTorch takes seconds

    return storage.load(Path(directory)).classifier
