"""conveyor predict: label the texts of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from model.artifact import storage
from model.cli.memory import enough_memory
from model.cli.progress import Progress
from model.data.formats import (
    HUB,
    JSONL,
    PARQUET,
    PIPE,
    FileFormat,
    check_pipe_format,
    format_of,
)
from model.data.reader import open_rows
from model.data.rows import Columns, Rows
from model.errors import PredictionError
from model.files import as_unicode
from model.interruption import Interrupted, ended, interruptible
from model.labelling.label import label_rows
from model.labelling.parquet import ParquetWriter
from model.labelling.resumable import Pipe, Run, Sink, open_partial
from model.labelling.writers import AddedColumns, GzipWriter, JsonLinesWriter, TableWriter, Writer

LESS_MEMORY = "shorten the longest rows, or label them where there is more of it"


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
    text_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the texts. Without names, a .csv or .tsv whose first line does not "
            "name `text` holds in every line a text, or a label and a text.",
            show_default="text",
        ),
    ] = None,
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
    check_pipe_format(format, (data, out))
    if prefix != as_unicode(prefix):
        raise PredictionError("--prefix is not UTF-8, so no file can have a column of that name.")
    source, target = format_of(data, format), format_of(out, format)
    if target.kind == HUB:
        raise PredictionError(f"{out} cannot be written: give --out the name of a file.")
    loaded = storage.load(model)
    run = Run(
        model=loaded.sha256,
        input_format=str(source),
        output_format=str(target),
        text_column=text_column,
        prefix=prefix,
        all_scores=scores,
    )
    added = AddedColumns(loaded.classifier.config.labels, prefix, scores)
    story = Console(stderr=True)
    with (
        interruptible(),
        enough_memory(lambda: LESS_MEMORY),
        open_rows(data, Columns(text_column, labelled=False), format) as rows,
        _sink(out, run, output := _output(added, rows, target)) as sink,
        Progress("labelling", story) as progress,
    ):
        mark = label_rows(
            loaded.classifier,
            rows,
            output,
            sink,
            skip_bad_rows=bad_rows == "skip",
            watcher=progress.predicting(),
        )
    left_out = f"; {mark.skipped:,} bad ones were left out" if mark.skipped else ""
    where = "" if out == PIPE else f" in {out}"
    typer.echo(f"{mark.rows - mark.skipped:,} rows are labelled{where}{left_out}.", err=True)


def _output(added: AddedColumns, rows: Rows, target: FileFormat) -> Writer:
    if target.kind == PARQUET:
        return ParquetWriter(added, getattr(rows, "schema", None))
    plain = JsonLinesWriter(added) if target.kind == JSONL else TableWriter(added, target.kind)
    return GzipWriter(plain) if target.compressed else plain


@contextmanager
def _sink(out: str, run: Run, output: Writer) -> Iterator[Sink]:
    """Open the file or pipe for the rows; what can end a run there is one sentence."""
    if out == PIPE:
        yield Pipe(run)
        return
    assemble = output.assemble if isinstance(output, ParquetWriter) else None
    done = 0
    try:
        with open_partial(Path(out), run, assemble) as sink:
            try:
                yield sink
            finally:
                done = sink.mark.rows
    except OSError as error:
        raise PredictionError(
            f"{out} cannot be written: {error.strerror}. "
            f"The same command goes on after {done:,} rows."
        ) from None
    except Interrupted as interrupted:
        says = f"The same command goes on after {done:,} rows."
        raise ended(interrupted, says) from None
