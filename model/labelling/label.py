"""Labelling a file, however long: rows are read, predicted and written a window at a time.

Within a window texts are sorted by length, so that little padding is read. Windows end after rows
that only the rows decide, and a run goes on at the beginning of one: so texts share the same
batches when they are read again, and their scores are the same to the last digit.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from conveyor.model import interruption
from conveyor.model.data.rows import BadRow, Row, Rows
from conveyor.model.errors import DataError, PredictionError
from conveyor.model.inference.classifier import Classifier
from conveyor.model.labelling.resumable import Mark, Sink
from conveyor.model.labelling.writers import Writer

# Enough rows to find many of one length, and few enough to do again after an interruption. Where
# rows are long, a window ends after so many bytes: memory has to suffice for all of them.
WINDOW_ROWS = 4096
WINDOW_BYTES = 2**23


def label_rows(
    classifier: Classifier,
    rows: Rows,
    output: Writer,
    sink: Sink,
    *,
    skip_bad_rows: bool = False,
    on_skip: Callable[[BadRow], None] = lambda _: None,
    on_rows: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Mark:
    """Label all rows from where the sink stands, and return how far it is then: at their end.

    Texts longer than the model reads are classified by their end. ``on_skip`` is called with each
    row that is left out, ``on_rows`` with the number of rows done, and of all, if it is known.

    Raises DataError for a bad row, unless they are skipped, and where the rows cannot be read on;
    PredictionError where those that are done are others than they were; Interrupted; and OSError.
    """
    if sink.mark.finished:
        return sink.mark
    all_windows = windows(rows)
    first = next(all_windows)
    output.begin(rows.columns, [row for row in first if isinstance(row, Row)])
    remaining = itertools.chain([first], all_windows)
    _pass_by(remaining, rows, sink.mark)
    for window in remaining:
        mark, digest = sink.mark, rows.digest()
        usable, bad = _split(window, output)
        for row in bad:
            if not skip_bad_rows:
                raise _stopped(row, sink)
            on_skip(row)
        total = _total(rows, mark.rows + len(window))
        tell = partial(_tell, on_rows, mark.rows + len(bad), total)
        probabilities = classifier.classify([row.text for row in usable], tell)
        content = output.body(usable, probabilities)
        sink.append(
            content if mark.size else output.head() + content,
            mark.model_copy(
                update={
                    "rows": mark.rows + len(window),
                    "skipped": mark.skipped + len(bad),
                    "digest": digest,
                }
            ),
        )
    interruption.check()
    sink.finish()
    return sink.mark


def windows(rows: Iterable[Row | BadRow]) -> Iterator[list[Row | BadRow]]:
    """Yield the rows in windows; one at least, which is empty where there are no rows."""
    window: list[Row | BadRow] = []
    size, first = 0, True
    for row in rows:
        window.append(row)
        size += max(row.size, len(row.text)) if isinstance(row, Row) else 0
        if len(window) == WINDOW_ROWS or size >= WINDOW_BYTES:
            yield window
            window, size, first = [], 0, False
    if window or first:
        yield window


def _pass_by(remaining: Iterator[list[Row | BadRow]], rows: Rows, mark: Mark) -> None:
    """Read again, without labelling, what is done, and check that it is the same."""
    passed = 0
    while passed < mark.rows and (window := next(remaining, None)):
        passed += len(window)
    if mark.rows and (passed, rows.digest()) != (mark.rows, mark.digest):
        raise PredictionError(
            f"The first {mark.rows:,} rows are labelled already, but are not what they were then: "
            "bring them back, or choose another --out."
        )


def _split(window: Iterable[Row | BadRow], output: Writer) -> tuple[list[Row], list[BadRow]]:
    """Split a window into the rows that can be read and written, and those that cannot."""
    usable, bad = [], []
    for row in window:
        if isinstance(row, BadRow):
            bad.append(row)
        elif clause := output.refusal(row):
            bad.append(BadRow(f"{row.place}: {clause}."))
        else:
            usable.append(row)
    return usable, bad


def _stopped(bad: BadRow, sink: Sink) -> DataError:
    advice = "Mend the row, or leave it out with --bad-rows skip"
    if not (sink.lasts and sink.mark.rows):
        return DataError(f"{bad} {advice}.")
    return DataError(f"{bad} {advice}: the same command goes on after {sink.mark.rows:,} rows.")


def _total(rows: Rows, read: int) -> int | None:
    """Estimate how many rows there are, by how much of the file so many are."""
    share = rows.share()
    return round(read / share) if share else None


def _tell(
    on_rows: Callable[[int, int | None], None], before: int, total: int | None, read: int
) -> None:
    on_rows(before + read, total)
