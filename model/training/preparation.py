"""Preparation: from a table of labelled texts to a run that suits it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from conveyor import ENGLISH
from conveyor.model import interruption
from conveyor.model.artifact import language_model
from conveyor.model.data.examples import Example
from conveyor.model.evaluation.metrics import Evaluation
from conveyor.model.evaluation.ngrams import NgramClassifier, evaluate_ngrams, fit_ngrams
from conveyor.model.training.continuation import Continuation
from conveyor.model.training.findings import findings
from conveyor.model.training.initialization import Initialization, PretrainedInitialization
from conveyor.model.training.recipe import AUTOMATIC, Recipe, Start, Table, recipe
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import check_fit, labels_of, split

# Fewer held-out texts tell so little that it should be said.
FEW = 200

Automatic = Literal["auto"]


@dataclass(frozen=True)
class Preparation:
    """What a run is made of, and in ``notes`` what people should know of it before it begins.

    ``ngrams`` are fitted to the examples, if they are needed; ``baseline`` is how they do on the
    held-out ones, None where there are none.
    """

    examples: Sequence[Example]
    validation: Sequence[Example]
    settings: TrainingSettings
    initialization: Initialization | None
    ngrams: NgramClassifier | None
    baseline: Evaluation | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(
    examples: Sequence[Example],
    validation: Sequence[Example],
    given: TrainingSettings,
    aliases: dict[str, str],
    start: Initialization | Automatic | None,
    *,
    unlabelled: Sequence[str] = (),
    choose: bool = True,
) -> Preparation:
    """Look at a table, hold a part out unless ``validation`` is one, and choose what is not given.

    Unless ``choose`` is false: then the settings stay what they are, and "auto" is no start.

    Raises TrainingError for what cannot be trained on, ArtifactError, and Interrupted.
    """
    if not validation:
        examples, validation = split(examples, given.validation_fraction, given.seed)
    labels = labels_of(examples, aliases)
    chosen = Recipe(given, english=False, reasons=())
    if choose:
        english = language_model.load(ENGLISH)
        table = Table.of(examples, english.tokenizer, given.train_tokens)
        chosen = recipe(table, given, _kind(start))
    if start == AUTOMATIC:
        start = PretrainedInitialization(english) if chosen.english else None
    check_fit(chosen.settings, start, unlabelled)  # before seconds of counting
    ngrams = baseline = None
    if validation or chosen.settings.ngrams:
        ngrams = fit_ngrams(examples, labels, aliases)
        interruption.check()
    if ngrams and validation:
        baseline = evaluate_ngrams(ngrams, validation, labels, aliases)
    return Preparation(
        examples,
        validation,
        chosen.settings,
        start,
        ngrams,
        baseline,
        chosen.reasons,
        (*findings(examples, validation), *_of_the_baseline(baseline)),
    )


def _kind(start: Initialization | Automatic | None) -> Start:
    if start == AUTOMATIC:
        return AUTOMATIC
    pretrained = isinstance(start, PretrainedInitialization | Continuation)
    return "pretrained" if pretrained else "none"


def _of_the_baseline(baseline: Evaluation | None) -> Iterator[str]:
    if baseline:
        yield (
            f"To beat, on {baseline.texts:,} held-out texts: TF-IDF and logistic regression "
            f"{baseline.accuracy:.4f}, the most frequent label {baseline.majority:.4f}."
        )
    if baseline and baseline.texts < FEW:
        yield (
            f"{baseline.texts:,} held-out texts tell the accuracy to within "
            f"{2 * baseline.uncertainty:.0%}: more are given by --validation-data or "
            "--validation-fraction."
        )
