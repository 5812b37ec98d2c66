"""conveyor predict: label the texts of a file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from conveyor.model.cli.options import TextsColumnOption


def predict(
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    *,
    data: Annotated[
        str,
        typer.Option(
            help="Texts: a .csv, .tsv or .jsonl file, also .gz, a .parquet (with the `parquet` "
            "extra installed), or `hub:NAME@SPLIT` (with the `hub` extra); `-` is standard input."
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            help="File for the rows with their labels, of any such kind; `-`: standard output."
        ),
    ],
    text_column: TextsColumnOption = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Write the scores of all labels, not only of the best."),
    ] = False,
    bad_rows: Annotated[
        Literal["stop", "skip"],
        typer.Option(help="What a row that cannot be read does: end the run, or be left out."),
    ] = "stop",
    prefix: Annotated[
        str, typer.Option(help="What the names of the columns that are added begin with.")
    ] = "",
    format: Annotated[  # noqa: A002 - the flag's name
        Literal["csv", "tsv", "jsonl"] | None,
        typer.Option(
            help="Kind of what goes through `-`, which has no name to tell it.", show_default="csv"
        ),
    ] = None,
) -> None:
    """Label the texts of a file.

    The rows come out in their order, with all their columns and, behind them, the best label and
    its score. Texts longer than the model reads are classified by their end.

    Interrupted, the same command goes on from the last rows that are on the disk, and ends with
    the same file.

    Example: `conveyor predict my-model --data mine.csv --text-column body --out labelled.csv`
    """
    from conveyor.model.cli.label_file import label_file

    label_file(
        model,
        data,
        out,
        text_column=text_column,
        all_scores=scores,
        skip_bad_rows=bad_rows == "skip",
        prefix=prefix,
        pipe_format=format,
    )
