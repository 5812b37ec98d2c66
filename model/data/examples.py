"""Texts, labelled or not, from files (.csv, .tsv, .jsonl, each also .gz) or a hub of datasets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from model.data.rows import (
    JSONL,
    LABEL,
    TEXT,
    LineRows,
    Lines,
    format_of,
    good,
    listed,
    objects,
    open_lines,
    place,
    table,
)
from model.errors import DataError

HUB = "hub:"


@dataclass(frozen=True, slots=True)
class Example:
    """A text and the name of its label; and where they stand, if they were read from somewhere."""

    text: str
    label: str
    source: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)  # of a set of the hub: its row

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.source}, {'row' if self.source.startswith(HUB) else 'line'} {self.line}"


@dataclass(frozen=True)
class Columns:
    """Which columns hold the text and the label; None is the default name, if there are names."""

    text: str | None = None
    label: str | None = None

    @property
    def names(self) -> tuple[str, str]:
        """The names of the text column and of the label column."""
        return self.text or TEXT, self.label or LABEL


def read_examples(source: str, columns: Columns = Columns()) -> list[Example]:
    """Read all examples of a file, or of ``hub:NAME@SPLIT`` (needs the ``hub`` extra).

    Without named columns, a .csv or .tsv whose first line does not name ``text`` and ``label``, but
    has two columns, holds a label and a text in every line, the first line too.
    A .tsv is split at tabs and nothing else: quotes stand for themselves.

    Raises DataError with file and line.
    """
    rows = _from_hub if source.startswith(HUB) else _from_file
    examples = list(rows(source, columns))
    if not examples:
        raise DataError(f"{source} holds no examples: it needs a line for each labelled text.")
    return examples


def read_texts(source: str, text_column: str | None = None) -> list[str]:
    """Read all texts of a file; labels and all other columns are passed by, if there are any.

    Without a named column, a .csv or .tsv whose first line does not name ``text`` holds in every
    line, the first line too, a text, or a label and a text.

    Raises DataError with file and line.
    """
    kind, compressed = format_of(source)
    with open_lines(source, compressed=compressed) as lines:
        texts = [row.text for row in good(LineRows(lines, kind, text_column))]
    if not texts:
        raise DataError(f"{source} holds no texts: it needs a line for each.")
    return texts


def _from_file(source: str, columns: Columns) -> Iterator[Example]:
    kind, compressed = format_of(source)
    with open_lines(source, compressed=compressed) as lines:
        if kind == JSONL:
            yield from (_example(row, columns, lines) for _, row in good(objects(lines)))
        else:
            yield from _from_table(good(table(lines, kind)), columns, lines)


def _example(row: Mapping[str, Any], columns: Columns, lines: Lines) -> Example:
    text = _text(row, columns.names[0], lines)
    label = _field(row, columns.names[1], lines)
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise lines.error(f"{columns.names[1]!r} is neither a text nor a whole number")
    return Example(text, _label(str(label), lines), lines.source, lines.row)


def _text(row: Mapping[str, Any], name: str, lines: Lines) -> str:
    text = _field(row, name, lines)
    if not isinstance(text, str):
        raise lines.error(f"{name!r} is not a text but {type(text).__name__}")
    return text


def _field(row: Mapping[str, Any], name: str, lines: Lines) -> Any:  # noqa: ANN401 - JSON
    if name not in row:
        raise lines.error(f"there is no {name!r}, only {listed(row)}")
    return row[name]


def _from_table(rows: Iterator[list[str]], columns: Columns, lines: Lines) -> Iterator[Example]:
    first = next(rows, None)
    if first is None:
        return
    if columns != Columns() or set(columns.names) <= set(first):
        text, label = _places(first, columns, lines)
        yield from (_row(row, text, label, lines) for row in rows)
        return
    if len(first) != 2:  # noqa: PLR2004 - a label and a text
        raise lines.error(
            f"name the columns of the text and the label; the columns are {listed(first)}"
        )
    top = Example(first[1], first[0].strip(), lines.source, lines.row)
    examples = [_row(row, 1, 0, lines) for row in rows]
    _check_unnamed(top, examples)
    yield from [top, *examples]


def _check_unnamed(first: Example, rest: list[Example]) -> None:
    """See that the first line is an example: a label comes again, a name of a column not."""
    if first.label not in {example.label for example in rest}:
        raise DataError(
            f"{first.place}: name the columns of the text and the label, or put the line "
            f"{TEXT},{LABEL} on top; {listed([first.label, first.text])} are neither, and no "
            "label either, as the first one stands in no other line."
        )


def _places(header: list[str], columns: Columns, lines: Lines) -> tuple[int, int]:
    text, label = (place(header, name, lines) for name in columns.names)
    return text, label


def _row(row: list[str], text: int, label: int, lines: Lines) -> Example:
    return Example(row[text], _label(row[label], lines), lines.source, lines.row)


def _label(label: str, lines: Lines) -> str:
    label = label.strip()
    if not label:
        raise lines.error("the label is empty")
    return label


def _from_hub(source: str, columns: Columns) -> Iterator[Example]:
    try:
        import datasets  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise DataError(
            f"{source} needs the datasets library: pip install 'datasets>=5.2,<6'."
        ) from None
    name, _, split = source.removeprefix(HUB).partition("@")
    try:
        rows = datasets.load_dataset(name, split=split or "train")
    except Exception as error:  # noqa: BLE001 - the library has no base error of its own
        raise DataError(f"{source} cannot be loaded: {' '.join(str(error).split())}") from None
    text, label = columns.names
    for column in (text, label):
        if column not in rows.column_names:
            raise DataError(
                f"{source} has no column {column!r}; the columns are {listed(rows.column_names)}."
            )
    feature = rows.features[label]
    named = isinstance(feature, datasets.ClassLabel)
    for number, row in enumerate(rows, start=1):
        # In sets of the hub, -1 marks a text that nobody has labelled.
        if not isinstance(row[text], str) or row[label] is None or (named and row[label] < 0):
            raise DataError(f"{source}, row {number}: the text or its label is missing.")
        name_of_label = feature.int2str(row[label]) if named else str(row[label])
        yield Example(row[text], name_of_label, source, number)
