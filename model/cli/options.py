"""Options that several commands have in common."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from conveyor.model.types import Panel

FORMATS = (
    "a .csv, .tsv or .jsonl file, also .gz, a .parquet (with the `parquet` extra installed), "
    "`hub:NAME@SPLIT` (with the `hub` extra), or `-`, standard input."
)
DATA_HELP = f"Labelled texts: {FORMATS}"

OutOption = Annotated[Path, typer.Option(help="Directory for the model; made if it is not there.")]
TextColumnOption = Annotated[
    str | None,
    typer.Option(
        help="Column of the texts. Without names, a .csv or .tsv whose first line does not "
        "name `text` and `label` holds a label and a text in every line.",
        show_default="text",
    ),
]
TextsColumnOption = Annotated[
    str | None,
    typer.Option(
        help="Column of the texts. Without names, a .csv or .tsv whose first line does not "
        "name `text` holds in every line a text, or a label and a text.",
        show_default="text",
    ),
]
LabelColumnOption = Annotated[
    str | None, typer.Option(help="Column of the labels.", show_default="label")
]
FormatOption = Annotated[
    Literal["csv", "tsv", "jsonl"] | None,
    typer.Option(
        rich_help_panel=Panel.DATA,
        help="Format of `-`, which has no name to tell it.",
        show_default="csv",
    ),
]
