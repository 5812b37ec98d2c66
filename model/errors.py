"""The errors of the model package, each with one sentence for the person who caused it.

ModelError
├── ArtifactError    a model directory is missing something, broken, or not what it says it is
├── ConversionError  a model of another framework cannot become an artifact
├── DataError        a file of texts cannot be read, or does not hold what was asked for
├── OutOfMemory      a run, or a model with its texts, needs more memory than there is
├── PredictionError  a file cannot be labelled, or the labelling not go on
└── TrainingError    a training run cannot start, go on, or be stored
"""

from pydantic import ValidationError


class ModelError(Exception):
    """The base of every error of this package; its text is one sentence for people."""


class ArtifactError(ModelError):
    """A model directory cannot be loaded or written."""


class ConversionError(ModelError):
    """A model of another framework cannot be read, represented, or shown to be the same here."""


class DataError(ModelError):
    """Labelled texts cannot be read."""


class OutOfMemory(ModelError):
    """Something needs more memory than there is."""


class PredictionError(ModelError):
    """A file cannot be labelled, continued or stored."""


class TrainingError(ModelError):
    """A training run cannot start, continue or store its result."""


def describe(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, in a clause: where, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
