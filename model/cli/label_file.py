"""Labelling a file: from the names of two files to the rows of one, labelled, in the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from conveyor.model.artifact import storage
from conveyor.model.cli.memory import enough_memory
from conveyor.model.cli.progress import Progress
from conveyor.model.data.formats import (
    HUB,
    JSONL,
    PARQUET,
    PIPE,
    FileFormat,
    check_pipe_format,
    format_of,
)
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import Columns, Rows
from conveyor.model.errors import PredictionError
from conveyor.model.files import as_unicode
from conveyor.model.interruption import Interrupted, ended, interruptible
from conveyor.model.labelling.label import label_rows
from conveyor.model.labelling.parquet import ParquetWriter
from conveyor.model.labelling.resumable import Pipe, Run, Sink, open_partial
from conveyor.model.labelling.writers import (
    AddedColumns,
    GzipWriter,
    JsonLinesWriter,
    TableWriter,
    Writer,
)

LESS_MEMORY = "shorten the longest rows, or label them where there is more of it"


def label_file(
    model: Path,
    data: str,
    out: str,
    *,
    text_column: str | None,
    all_scores: bool,
    skip_bad_rows: bool,
    prefix: str,
    pipe_format: str | None,
) -> None:
    """Label the rows of ``data`` and write them to ``out``, as `conveyor predict` says.

    Raises PredictionError, DataError, ArtifactError, OutOfMemory, and typer.Exit for an
    interruption.
    """
    check_pipe_format(pipe_format, (data, out))
    if prefix != as_unicode(prefix):
        raise PredictionError("--prefix is not UTF-8, so no file can have a column of that name.")
    source, target = format_of(data, pipe_format), format_of(out, pipe_format)
    if target.kind == HUB:
        raise PredictionError(f"{out} cannot be written: give --out the name of a file.")
    loaded = storage.load(model)
    run = Run(
        model=loaded.sha256,
        input_format=str(source),
        output_format=str(target),
        text_column=text_column,
        prefix=prefix,
        all_scores=all_scores,
    )
    added = AddedColumns(loaded.classifier.config.labels, prefix, all_scores)
    story = Console(stderr=True)
    with (
        interruptible(),
        enough_memory(lambda: LESS_MEMORY),
        open_rows(data, Columns(text_column, labelled=False), pipe_format) as rows,
        _sink(out, run, output := _output(added, rows, target)) as sink,
        Progress("labelling", story) as progress,
    ):
        mark = label_rows(
            loaded.classifier,
            rows,
            output,
            sink,
            skip_bad_rows=skip_bad_rows,
            on_skip=progress.skip_row,
            on_rows=progress.count_rows,
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
