"""Texts, labelled or not, from files, standard input, or a hub of data sets."""

from dataclasses import dataclass, field

from conveyor.model.data.formats import display_name
from conveyor.model.data.reader import open_rows
from conveyor.model.data.rows import LABEL, LABELLED, TEXT, Columns, Row, good, listed
from conveyor.model.errors import DataError


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the name of its label; and where they stand, if they were read from somewhere."""

    text: str
    label: str
    place: str = field(default="", compare=False, repr=False)  # for people


def read_examples(
    source: str, columns: Columns = LABELLED, pipe_format: str | None = None
) -> list[Example]:
    """Read all examples of a file, of ``-`` (standard input), or of ``hub:NAME@SPLIT``.

    Without named columns, a .csv or .tsv whose first line does not name ``text`` and ``label``, but
    has two columns, holds a label and a text in every line, the first line too.
    A .tsv is split at tabs and nothing else: quotes stand for themselves.

    Raises DataError with file and line.
    """
    with open_rows(source, columns, pipe_format) as rows:
        examples = [_example(row, columns.names[1]) for row in good(rows)]
    if not examples:
        raise DataError(
            f"{display_name(source)} holds no examples: it needs a line for each labelled text."
        )
    if rows.headerless:
        _check_unnamed(examples)
    return examples


def read_texts(
    source: str, text_column: str | None = None, pipe_format: str | None = None
) -> list[str]:
    """Read all texts as `read_examples` does; labels and all other columns are passed by.

    Without a named column, a .csv or .tsv whose first line does not name ``text`` holds in every
    line, the first line too, a text, or a label and a text.

    Raises DataError with file and line.
    """
    with open_rows(source, Columns(text_column, labelled=False), pipe_format) as rows:
        texts = [row.text for row in good(rows)]
    if not texts:
        raise DataError(f"{display_name(source)} holds no texts: it needs a line for each.")
    return texts


def _example(row: Row, label_column: str) -> Example:
    label = row.cell(label_column)
    if label is None:
        raise row.error(f"{label_column!r} is missing")
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise row.error(f"{label_column!r} is neither a text nor a whole number")
    name = str(label).strip()
    if not name:
        raise row.error("the label is empty")
    return Example(row.text, name, row.place)


def _check_unnamed(examples: list[Example]) -> None:
    """Raise DataError unless the first line is an example: its label comes again."""
    first, *rest = examples
    if first.label not in {example.label for example in rest}:
        raise DataError(
            f"{first.place}: name the columns of the text and the label, or put the line "
            f"{TEXT},{LABEL} on top; {listed([first.label, first.text])} are neither, and no "
            "label either, as the first one stands in no other line."
        )
