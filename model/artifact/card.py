"""The model card: an artifact described for people and, in its front matter, for programs.

Cards are made from the Jinja2 templates beside this module, in the form that model hubs read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData, metadata_load
from pydantic import BaseModel, ConfigDict, ValidationError

from conveyor.model.errors import ArtifactError, describe
from conveyor.model.evaluation.metrics import WORST, Evaluation, LabelScore
from conveyor.model.files import read_bytes
from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import LanguageModelConfig, ModelConfig
from conveyor.model.network.parameters import parameter_count

# Much more than anybody writes by hand.
CARD_BYTES = 2**20

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class PretrainingSummary:
    """The pretraining of a language model, and its perplexity on texts that were held out.

    ``epoch`` epochs of ``epochs`` over ``texts`` texts of ``tokens`` tokens; ``held_out`` texts.
    """

    epoch: int
    epochs: int
    texts: int
    tokens: int
    held_out: int
    perplexity: float


class Metric(BaseModel):
    """A result that a model card tells programs: one metric, on one set of data."""

    model_config = ConfigDict(frozen=True)

    type: str
    value: float | str
    dataset: str
    split: str | None


def metrics(card: Path) -> list[Metric]:
    """Read the results in a card's front matter, under ``model-index``; a card need not have any.

    Raises ArtifactError if there is front matter that cannot be read.
    """
    try:
        read_bytes(card, CARD_BYTES)  # so that what the library reads is a file, and no endless one
        data = ModelCardData(**(metadata_load(card) or {}))
        return [
            Metric(
                type=result.metric_type,
                value=_number(result.metric_value),
                dataset=result.dataset_name,
                split=result.dataset_split,
            )
            for result in data.eval_results or []
        ]
    except OSError as error:
        raise ArtifactError(f"{card} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise ArtifactError(f"{card} has a result that is not valid: {describe(error)}.") from None
    except Exception as error:  # noqa: BLE001 - YAML's errors, and what the library makes of them
        why = " ".join(str(error).split()) or type(error).__name__
        raise ArtifactError(f"{card} begins with lines that are not valid YAML: {why}.") from None


def _number(value: object) -> float | str:
    """Convert a value that is no number, as others' cards may have it, to a text."""
    return value if isinstance(value, int | float) else str(value)


def model_card(
    name: str,
    config: ModelConfig,
    texts: int,
    evaluation: Evaluation | None,
    baseline: Evaluation | None,
    about: str,
) -> str:
    """Write the README.md of a classifier that was trained on so many texts.

    ``baseline`` is how n-grams do on the texts of the evaluation.
    """
    results = {}
    scores: list[LabelScore] = []
    if evaluation:
        results = {
            "accuracy": round(evaluation.accuracy, 4),
            "expected_calibration_error": round(evaluation.calibration_error, 4),
        }
        worst = evaluation.worst_labels(WORST)
        scores = [each._replace(label=_table_cell(each.label)) for each in worst]
    return _classifier_card(
        name,
        config,
        results,
        texts=texts,
        evaluation=evaluation,
        baseline=baseline,
        scores=scores,
        never=list(map(_table_cell, evaluation.never_predicted if evaluation else ())),
        about=about,
    )


def converted_card(name: str, config: ModelConfig, origin: str, about: str) -> str:
    """Write that of a classifier that was trained elsewhere; ``origin`` tells where it is from."""
    return _classifier_card(name, config, {}, origin=origin, about=about)


def language_model_card(
    name: str, config: LanguageModelConfig, training: PretrainingSummary, about: str
) -> str:
    """Write the README.md of a pretrained language model."""
    results = {"perplexity": round(training.perplexity, 1)}
    data = card_data(name, "text-generation", results, tags=["lstm", "language-model"])
    return _render(
        "language_model.md", data, name=name, config=config, training=training, about=about
    )


def card_data(
    name: str,
    task: str,
    results: dict[str, float],
    **data: Any,  # noqa: ANN401 - as they are
) -> ModelCardData:
    """Make the front matter of a card, with the results on held-out texts: metric and value.

    The form is the ``model-index`` of Hugging Face's model cards, which calls data that it cannot
    know "unknown".
    """
    evaluations = [
        EvalResult(
            task_type=task,
            dataset_type="unknown",
            dataset_name="held-out texts",
            dataset_split="validation",
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in results.items()
    ]
    return ModelCardData(
        model_name=name, library_name="conveyor", eval_results=evaluations or None, **data
    )


def _classifier_card(
    name: str,
    config: ModelConfig,
    results: dict[str, float],
    **parts: Any,  # noqa: ANN401 - as the template has them
) -> str:
    task = "text-classification"
    data = card_data(name, task, results, pipeline_tag=task, tags=[config.cell, task])
    return _render(
        "classifier.md",
        data,
        name=name,
        config=config,
        cell=cell_of(config).NAME,
        count=parameter_count(config),
        labels=list(map(_table_cell, config.labels)),
        **parts,
    )


def _render(
    template: str,
    data: ModelCardData,
    **parts: Any,  # noqa: ANN401 - as the template has them
) -> str:
    return f"{ModelCard.from_template(data, str(TEMPLATES / template), **parts)}\n"


def _table_cell(text: str) -> str:
    """Write a text as it can stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
