"""The model card: what an artifact is, for people and, in its front matter, for programs."""

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData, metadata_load
from pydantic import BaseModel, ConfigDict, ValidationError

from model.errors import ArtifactError, describe
from model.evaluation.metrics import Evaluation
from model.files import read_bytes
from model.network.cell import cell_of
from model.network.config import ModelConfig
from model.network.parameters import parameter_count

# Much more than anybody writes by hand.
CARD_BYTES = 2**20


class Metric(BaseModel):
    """A result that a model card tells programs: one metric, on one set of data."""

    model_config = ConfigDict(frozen=True)

    type: str
    value: float | str
    dataset: str
    split: str | None


def metrics(card: Path) -> list[Metric]:
    """The results in a card's front matter, under ``model-index``; a card need not have any.

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
    """A metric's value, which may be anything in other people's cards: a number, or as a text."""
    return value if isinstance(value, int | float) else str(value)


def front_matter(
    name: str,
    task: str,
    results: dict[str, float],
    **data: Any,  # noqa: ANN401 - as they are
) -> str:
    """The head of a card, in YAML, with the results on held-out texts: metric and value.

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
    head = ModelCardData(
        model_name=name, library_name="conveyor", eval_results=evaluations or None, **data
    )
    return f"---\n{head.to_yaml()}\n---"


def model_card(
    name: str, config: ModelConfig, texts: int, evaluation: Evaluation | None, about: str
) -> str:
    """The text of an artifact's README.md, in the form that model hubs read."""
    lines = [
        *_front(name, config, evaluation),
        "## Training",
        "",
        f"Trained on {texts:,} texts.",
        *([about] if about else []),
        "",
        "## Evaluation",
        "",
        *_results(evaluation),
        "",
    ]
    return "\n".join(lines)


def converted_card(name: str, config: ModelConfig, origin: str, about: str) -> str:
    """The same of a model that was trained elsewhere; ``origin`` says where it is from."""
    lines = [
        *_front(name, config, None),
        "## Origin",
        "",
        origin,
        *([about] if about else []),
        "",
        "## Evaluation",
        "",
        "Nothing is known here: `conveyor evaluate` tells it, on labelled texts.",
        "",
    ]
    return "\n".join(lines)


def _front(name: str, config: ModelConfig, evaluation: Evaluation | None) -> list[str]:
    """What is said of every model: for programs, then for people."""
    results = {}
    if evaluation:
        results = {
            "accuracy": round(evaluation.accuracy, 4),
            "expected_calibration_error": round(evaluation.calibration_error, 4),
        }
    task = "text-classification"
    count = parameter_count(config)
    reading = "in both directions" if config.bidirectional else "from left to right"
    return [
        front_matter(name, task, results, pipeline_tag=task, tags=[config.cell, task]),
        "",
        f"# {name}",
        "",
        (
            f"A text classifier made of {cell_of(config).NAME}: {config.num_layers} layer(s) of "
            f"{config.hidden_size} units that read {reading}, {config.pooling} pooling, "
            f"{count.total:,} parameters, of which {count.recurrent_by_formula:,} are the cell's "
            f"weights ({count.formula})."
        ),
        "",
        f"Labels: {', '.join(map(_cell, config.labels))}.",
        "",
    ]


def _cell(text: str) -> str:
    """A text as it can stand in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _results(evaluation: Evaluation | None) -> list[str]:
    if evaluation is None:
        return ["Nothing was held out, so nothing is known."]
    rows = [
        f"| {_cell(label)} | {precision:.3f} | {recall:.3f} | {count} |"
        for label, precision, recall, count in zip(
            evaluation.labels,
            evaluation.precision,
            evaluation.recall,
            evaluation.confusion.sum(axis=1),
            strict=True,
        )
    ]
    return [
        (
            f"Accuracy on {evaluation.texts:,} held-out texts, which also chose the best epoch and "
            f"calibrated the scores: **{evaluation.accuracy:.4f}**; expected calibration error "
            f"{evaluation.calibration_error:.4f}."
        ),
        "",
        "| label | precision | recall | texts |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
