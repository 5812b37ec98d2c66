"""A classifier's evaluation, as tables for people."""

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from conveyor.model.evaluation.metrics import Evaluation

# A wider table does not fit a screen.
WIDEST_CONFUSION = 6
MOST_CONFUSIONS = 12


def print_evaluation(evaluation: Evaluation, texts: str) -> None:
    """Print accuracy, calibration error and tables; ``texts`` names what it is measured on."""
    typer.echo(f"accuracy {evaluation.accuracy:.4f} on {evaluation.texts:,} {texts}")
    typer.echo(f"expected calibration error {evaluation.calibration_error:.4f}")
    console = Console()
    console.print(_label_table(evaluation))
    console.print(_confusion_table(evaluation))


def _label_table(evaluation: Evaluation) -> Table:
    table = Table("label", "precision", "recall", "texts")
    rows = zip(
        evaluation.labels,
        evaluation.precision,
        evaluation.recall,
        evaluation.confusion.sum(axis=1),
        strict=True,
    )
    for label, precision, recall, texts in rows:
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
