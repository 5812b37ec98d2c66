"""Measurements of a model: its accuracy on the test file, and its size."""

from pathlib import Path
from typing import TypedDict

import torch

from bench.experiments.saved import Bin, Mistake, Parameters
from conveyor.model.artifact import model_files, storage
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.data.examples import read_examples
from conveyor.model.evaluation.calibration import reliability
from conveyor.model.evaluation.metrics import Evaluation, classify_examples
from conveyor.model.inference.classifier import use_threads
from conveyor.model.network.parameters import parameter_count
from conveyor.service.process.cores import cores

FILES = (*storage.HASHED, model_files.GOLDEN, model_files.CARD, MANIFEST)

# Wider confusions fill no table that people read.
FEW_LABELS = 10
MOST_MISTAKES = 12


class Measures(TypedDict):
    """The fields of a saved run that follow from the model and the test file."""

    labels: tuple[str, ...]
    texts: int
    accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    calibration: tuple[Bin, ...]
    calibration_error: float
    parameters: Parameters
    artifact_bytes: int
    torch: str
    cores: int


def measure(model: Path, test: Path) -> Measures:
    """Judge a model as `conveyor evaluate` does, on one core. Raises ModelError."""
    use_threads(1)
    classifier = storage.load(model).classifier
    examples = read_examples(str(test))
    truth, probabilities = classify_examples(classifier, examples)
    labels = classifier.config.labels
    bins = reliability(probabilities, truth)
    evaluation = Evaluation.of(labels, truth, probabilities)
    counts = evaluation.confusion
    count = parameter_count(classifier.config)
    return Measures(
        labels=labels,
        texts=evaluation.texts,
        accuracy=evaluation.accuracy,
        confusion=tuple(map(tuple, counts.tolist())) if len(labels) <= FEW_LABELS else (),
        mistakes=tuple(
            Mistake(true=true, predicted=predicted, texts=texts)
            for true, predicted, texts in evaluation.confusions(MOST_MISTAKES)
        ),
        calibration=tuple(
            Bin(texts=texts, confidence=min(1.0, total / max(1, texts)), right=right)
            for texts, total, right in zip(*(sums.tolist() for sums in bins), strict=True)
        ),
        calibration_error=evaluation.calibration_error,
        parameters=Parameters(
            formula=count.formula, by_formula=count.recurrent_by_formula, total=count.total
        ),
        artifact_bytes=sum((model / name).stat().st_size for name in FILES),
        torch=torch.__version__,
        cores=cores(),
    )
