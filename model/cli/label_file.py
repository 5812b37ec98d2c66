"""Labelling a file: from the names of two files to the rows of one, labelled, in the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from model.artifact import storage
from model.cli.memory import enough_memory
from model.cli.progress import Progress
from model.data.parquet import ParquetRows
from model.data.rows import GZIP, JSONL, PARQUET, PIPE, LineRows, Rows, format_of, open_lines
from model.errors import PredictionError
from model.files import as_unicode
from model.interruption import Interrupted, ended, interruptible
from model.labelling import label
from model.labelling.parquet import ParquetTable
from model.labelling.resumable import Pipe, Run, Sink, open_partial
from model.labelling.writers import Answers, Format, Gzip, JsonLines, Table

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
    if pipe_format and PIPE not in (data, out):
        raise PredictionError("--format tells what `-` is: the name of a file tells it itself.")
    if prefix != as_unicode(prefix):
        raise PredictionError("--prefix is not UTF-8, so no file can have a column of that name.")
    source, target = _kind(data, pipe_format), _kind(out, pipe_format)
    loaded = storage.load(model)
    run = Run(
        model=loaded.sha256,
        input_format="".join(source),
        output_format="".join(target),
        text_column=text_column,
        prefix=prefix,
        all_scores=all_scores,
    )
    answers = Answers(loaded.classifier.config.labels, prefix, all_scores)
    story = Console(stderr=True)
    with (
        interruptible(),
        enough_memory(lambda: LESS_MEMORY),
        _rows(data, *source, text_column) as rows,
        _sink(out, run, output := _output(answers, rows, *target)) as sink,
        Progress("labelling", story) as progress,
    ):
        mark = label.predict(
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


def _kind(name: str, given: str | None) -> tuple[str, str]:
    """Tell the format of a file, and .gz if it is compressed."""
    if name != PIPE:
        kind, compressed = format_of(name, more=[PARQUET])
        return kind, GZIP if compressed else ""
    if not given:
        raise PredictionError(
            "`-` has no name that tells what it is: give --format csv, tsv or jsonl."
        )
    return f".{given}", ""


@contextmanager
def _rows(data: str, kind: str, compression: str, text_column: str | None) -> Iterator[Rows]:
    if kind == PARQUET:
        yield ParquetRows(data, text_column)
        return
    with open_lines(data, compressed=bool(compression)) as lines:
        yield LineRows(lines, kind, text_column)


def _output(answers: Answers, rows: Rows, kind: str, compression: str) -> Format:
    if kind == PARQUET:
        return ParquetTable(answers, rows.schema if isinstance(rows, ParquetRows) else None)
    plain = JsonLines(answers) if kind == JSONL else Table(answers, kind)
    return Gzip(plain) if compression else plain


@contextmanager
def _sink(out: str, run: Run, output: Format) -> Iterator[Sink]:
    """Open the sink of the rows; what can end a run there is one sentence."""
    if out == PIPE:
        yield Pipe(run)
        return
    assemble = output.assemble if isinstance(output, ParquetTable) else None
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
