"""The model card: what an artifact is, for people and, in its front matter, for programs."""

from huggingface_hub import ModelCardData

from model.cell import cell_of
from model.config import ModelConfig
from model.evaluate import Evaluation
from model.parameters import parameter_count


def model_card(
    name: str, config: ModelConfig, texts: int, evaluation: Evaluation | None, about: str
) -> str:
    """The text of an artifact's README.md, in the form that model hubs read."""
    lines = [
        *_front(name, config),
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
        *_front(name, config),
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


def _front(name: str, config: ModelConfig) -> list[str]:
    """What is said of every model: for programs, then for people."""
    data = ModelCardData(
        model_name=name,
        library_name="conveyor",
        pipeline_tag="text-classification",
        tags=[config.cell, "text-classification"],
    )
    count = parameter_count(config)
    reading = "in both directions" if config.bidirectional else "from left to right"
    return [
        "---",
        data.to_yaml(),
        "---",
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
