"""conveyor check: test that a model is whole, and computes what its equations say."""

from pathlib import Path
from typing import Annotated

import typer

COLOURS = {"ok": "green", "failed": "red", "skipped": "yellow"}


def check(
    model: Annotated[Path, typer.Argument(help="Directory of a classifier or a language model.")],
) -> None:
    """Check that a model is whole, and computes what its equations say.

    Prints one line for each check, and ends with exit code 1 if any has failed.

    Example: `conveyor check my-model`
    """
    from conveyor.model.cli.tables import printable
    from conveyor.model.interruption import interruptible
    from conveyor.model.verification import check

    outcomes = set()
    with interruptible():
        for finding in check.check(model):
            outcomes.add(finding.outcome)
            outcome = typer.style(f"{finding.outcome:<8}", fg=COLOURS[finding.outcome])
            typer.echo(f"{outcome}{finding.check:<16} {printable(finding.message)}")
    if "failed" in outcomes:
        raise typer.Exit(1)
