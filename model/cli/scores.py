"""A classifier's evaluation, as tables for people."""

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from conveyor.model.evaluation.metrics import WORST, Evaluation

# A wider table does not fit a screen.
WIDEST_CONFUSION = 6
MOST_CONFUSIONS = 12


def print_evaluation(evaluation: Evaluation, texts: str) -> None:
    """Print accuracy, calibration error and tables; ``texts`` names what it is measured on."""
    typer.echo(
        f"accuracy {evaluation.accuracy:.4f} on {evaluation.texts:,} {texts}, "
        f"give or take {evaluation.uncertainty:.4f}"
    )
    typer.echo(f"expected calibration error {evaluation.calibration_error:.4f}")
    if evaluation.never_predicted:
        names = ", ".join(evaluation.never_predicted[:WORST])
        more = " and more" if len(evaluation.never_predicted) > WORST else ""
        typer.echo(f"never predicted: {names}{more}")
    console = Console()
    console.print(_label_table(evaluation))
    console.print(_confusion_table(evaluation))


def print_comparison(evaluation: Evaluation, baseline: Evaluation) -> None:
    """Print how a classifier does beside n-grams on the same texts, and what to do if it is worse.

    Within a standard error of the n-grams' accuracy they are as good as each other.
    """
    typer.echo(
        f"beside it: TF-IDF and logistic regression {baseline.accuracy:.4f}, "
        f"always the most frequent label {baseline.majority:.4f}"
    )
    if baseline.accuracy - evaluation.accuracy > baseline.uncertainty:
        typer.echo(
            "Counting words does better here than reading them. What helps: more labelled texts, "
            "or a language model of many texts of this kind without labels, from `conveyor "
            "pretrain`, for --pretrained."
        )


def _label_table(evaluation: Evaluation) -> Table:
    title = f"the {WORST} worst labels" if len(evaluation.labels) > WORST else None
    table = Table("label", "precision", "recall", "texts", title=title)
    for label, precision, recall, texts in evaluation.worst_labels(WORST):
        table.add_row(Text(label), f"{precision:.4f}", f"{recall:.4f}", f"{texts:,}")
    return table


def _confusion_table(evaluation: Evaluation) -> Table:
    """Show all counts for a few labels; for many, the most frequent mistakes."""
    if len(evaluation.labels) <= WIDEST_CONFUSION:
        table = Table("true \\ predicted", *(Column(_short(label)) for label in evaluation.labels))
        for label, counts in zip(evaluation.labels, evaluation.confusion, strict=True):
            table.add_row(Text(label), *(f"{count:,}" for count in counts))
    else:
        table = Table("true", "predicted", "texts", title="most frequent mistakes")
        for true, predicted, texts in evaluation.confusions(MOST_CONFUSIONS):
            table.add_row(Text(true), Text(predicted), f"{texts:,}")
    return table


def _short(label: str) -> Text:
    """Shorten a label to the head of a narrow column."""
    text = Text(label)
    text.truncate(8, overflow="ellipsis")
    return text
