"""Options that several commands have in common."""

from pathlib import Path
from typing import Annotated

import typer

DATA_HELP = (
    "Labelled texts: a .csv, .tsv or .jsonl file, also .gz, or `hub:NAME@SPLIT` "
    "(with the `hub` extra installed)."
)

OutOption = Annotated[Path, typer.Option(help="Directory for the model; made if it is not there.")]
TextColumnOption = Annotated[
    str | None,
    typer.Option(
        help="Column of the texts. Without names, a .csv or .tsv whose first line does not "
        "name `text` and `label` holds a label and a text in every line.",
        show_default="text",
    ),
]
LabelColumnOption = Annotated[
    str | None, typer.Option(help="Column of the labels.", show_default="label")
]
