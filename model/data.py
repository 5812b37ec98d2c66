"""Texts, labelled or not, from files (.csv, .tsv, .jsonl, each also .gz) or a hub of datasets."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

from model.errors import DataError

TEXT, LABEL, SCORES = "text", "label", "scores"
HUB = "hub:"
JSONL = ".jsonl"
FORMATS = (".csv", ".tsv", JSONL)
# Scores may have been rounded, to three digits or more.
SUM_TOLERANCE = 0.01

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class SoftExample:
    """A text, and what somebody gives for each label it may have: probabilities that sum to 1."""

    text: str
    scores: Mapping[str, float]
    source: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)


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

    def read(lines: _Lines, kind: str) -> Iterator[Example]:
        if kind == JSONL:
            return (_example(row, columns, lines) for row in _objects(lines))
        return _from_table(lines, columns, kind)

    rows = _from_hub(source, columns) if source.startswith(HUB) else _from_file(source, read)
    examples = list(rows)
    if not examples:
        raise DataError(f"{source} holds no examples: it needs a line for each labelled text.")
    return examples


def read_texts(source: str, text_column: str | None = None) -> list[str]:
    """Read all texts of a file; labels and all other columns are passed by, if there are any.

    Without a named column, a .csv or .tsv whose first line does not name ``text`` holds in every
    line, the first line too, a text, or a label and a text.

    Raises DataError with file and line.
    """

    def read(lines: _Lines, kind: str) -> Iterator[str]:
        if kind == JSONL:
            return (_text(row, text_column or TEXT, lines) for row in _objects(lines))
        return _texts_from_table(lines, text_column, kind)

    texts = list(_from_file(source, read))
    if not texts:
        raise DataError(f"{source} holds no texts: it needs a line for each.")
    return texts


def read_soft_examples(source: str, text_column: str | None = None) -> list[SoftExample]:
    """Read the texts of a .jsonl file, also .gz, and their ``scores``, an object of probabilities.

    Raises DataError with file and line.
    """

    def read(lines: _Lines, kind: str) -> Iterator[SoftExample]:
        if kind != JSONL:
            raise DataError(f"{source} is no {JSONL} file: scores of several labels need one.")
        return (_soft_example(row, text_column or TEXT, lines) for row in _objects(lines))

    examples = list(_from_file(source, read))
    if not examples:
        raise DataError(f"{source} holds no texts: it needs a line for each, with its scores.")
    return examples


def _from_file(source: str, read: Callable[["_Lines", str], Iterator[T]]) -> Iterator[T]:
    path = Path(source)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = suffixes[-1:] == [".gz"]
    kind = (suffixes[:-1] if compressed else suffixes)[-1:]
    if not kind or kind[0] not in FORMATS:
        raise DataError(
            f"{source} is of no known kind: the name must end in {', '.join(FORMATS)}, "
            "or one of these and .gz."
        )
    try:
        with gzip.open(path) if compressed else path.open("rb") as binary:
            yield from read(_Lines(source, binary), kind[0])
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{source} cannot be read: {reason}.") from None


class _Lines:
    """The lines of a file as text, counted, so that an error can name the place."""

    def __init__(self, source: str, binary: Iterable[bytes]) -> None:
        self.source = source
        self.read = 0
        self.row = 1  # the line in which the current row begins; quoted texts have several
        self._binary = binary

    def __iter__(self) -> Iterator[str]:
        for line in self._binary:
            self.read += 1
            try:
                yield line.decode("utf-8-sig" if self.read == 1 else "utf-8")
            except UnicodeDecodeError as error:
                self.row = self.read
                raise self.error(
                    f"byte {error.start + 1} is not UTF-8; save the file as UTF-8"
                ) from None

    def next_row(self) -> None:
        """Say that a new row begins."""
        self.row = self.read + 1

    def error(self, sentence: str) -> DataError:
        return DataError(f"{self.source}, line {self.row}: {sentence}.")


def _objects(lines: _Lines) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        if line.strip():
            yield _object(line, lines)
        lines.next_row()


def _object(line: str, lines: _Lines) -> Mapping[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise lines.error(f"this is not JSON ({error.msg} at character {error.pos + 1})") from None
    if not isinstance(row, dict):
        raise lines.error("this is not a JSON object, as every line must be")
    return row


def _example(row: Mapping[str, Any], columns: Columns, lines: _Lines) -> Example:
    text = _text(row, columns.names[0], lines)
    label = _field(row, columns.names[1], lines)
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise lines.error(f"{columns.names[1]!r} is neither a text nor a whole number")
    return Example(text, _label(str(label), lines), lines.source, lines.row)


def _soft_example(row: Mapping[str, Any], column: str, lines: _Lines) -> SoftExample:
    scores = _field(row, SCORES, lines)
    numbers = scores.values() if isinstance(scores, dict) else []
    if not numbers or not all(isinstance(n, int | float) and 0 <= n <= 1 for n in numbers):
        raise lines.error(f"{SCORES!r} is not an object with a probability for each label")
    total = sum(numbers)
    if abs(total - 1) > SUM_TOLERANCE:
        raise lines.error(f"the {SCORES} sum to {total:.4g} and not to 1: give those of all labels")
    shares = {label: number / total for label, number in scores.items()}
    return SoftExample(_text(row, column, lines), shares, lines.source, lines.row)


def _text(row: Mapping[str, Any], name: str, lines: _Lines) -> str:
    text = _field(row, name, lines)
    if not isinstance(text, str):
        raise lines.error(f"{name!r} is not a text but {type(text).__name__}")
    return text


def _field(row: Mapping[str, Any], name: str, lines: _Lines) -> Any:  # noqa: ANN401 - JSON
    if name not in row:
        raise lines.error(f"there is no {name!r}, only {_listed(row)}")
    return row[name]


def _table(lines: _Lines, kind: str) -> Iterator[list[str]]:
    """The rows of a table that are not empty."""
    # Fields of a table may be as long as a text can be.
    csv.field_size_limit(2**31 - 1)
    if kind == ".csv":
        rows = csv.reader(lines, strict=True)
    else:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        for row in rows:
            if row:
                yield row
            lines.next_row()
    except csv.Error as error:
        raise lines.error(f"this is no valid table row ({error})") from None


def _from_table(lines: _Lines, columns: Columns, kind: str) -> Iterator[Example]:
    rows = _table(lines, kind)
    first = next(rows, None)
    if first is None:
        return
    if columns != Columns() or set(columns.names) <= set(first):
        text, label = _places(first, columns, lines)
        yield from (_row(row, first, text, label, lines) for row in rows)
        return
    if len(first) != 2:  # noqa: PLR2004 - a label and a text
        raise lines.error(
            f"name the columns of the text and the label; the columns are {_listed(first)}"
        )
    top = Example(first[1], first[0].strip(), lines.source, lines.row)
    examples = [_row(row, first, 1, 0, lines) for row in rows]
    _check_unnamed(top, examples)
    yield from [top, *examples]


def _texts_from_table(lines: _Lines, column: str | None, kind: str) -> Iterator[str]:
    rows = _table(lines, kind)
    first = next(rows, None)
    if first is None:
        return
    named = column is not None or TEXT in first
    if not named and len(first) > 2:  # noqa: PLR2004 - a label and a text
        raise lines.error(f"name the column of the text; the columns are {_listed(first)}")
    place = _place(first, column or TEXT, lines) if named else len(first) - 1
    if not named:
        yield first[place]
    for row in rows:
        _check_width(row, first, lines)
        yield row[place]


def _check_unnamed(first: Example, rest: list[Example]) -> None:
    """See that the first line is an example: a label comes again, a name of a column not."""
    if first.label not in {example.label for example in rest}:
        raise DataError(
            f"{first.place}: name the columns of the text and the label, or put the line "
            f"{TEXT},{LABEL} on top; {_listed([first.label, first.text])} are neither, and no "
            "label either, as the first one stands in no other line."
        )


def _places(header: list[str], columns: Columns, lines: _Lines) -> tuple[int, int]:
    text, label = (_place(header, name, lines) for name in columns.names)
    return text, label


def _place(header: list[str], name: str, lines: _Lines) -> int:
    if header.count(name) != 1:
        found = "there are several columns" if name in header else "there is no column"
        raise lines.error(f"{found} {name!r}; the columns are {_listed(header)}")
    return header.index(name)


def _row(row: list[str], first: list[str], text: int, label: int, lines: _Lines) -> Example:
    _check_width(row, first, lines)
    return Example(row[text], _label(row[label], lines), lines.source, lines.row)


def _check_width(row: list[str], first: list[str], lines: _Lines) -> None:
    if len(row) != len(first):
        raise lines.error(f"{len(row)} columns, where the first line has {len(first)}")


def _label(label: str, lines: _Lines) -> str:
    label = label.strip()
    if not label:
        raise lines.error("the label is empty")
    return label


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names) or "none"


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
                f"{source} has no column {column!r}; the columns are {_listed(rows.column_names)}."
            )
    feature = rows.features[label]
    named = isinstance(feature, datasets.ClassLabel)
    for number, row in enumerate(rows, start=1):
        # In sets of the hub, -1 marks a text that nobody has labelled.
        if not isinstance(row[text], str) or row[label] is None or (named and row[label] < 0):
            raise DataError(f"{source}, row {number}: the text or its label is missing.")
        name_of_label = feature.int2str(row[label]) if named else str(row[label])
        yield Example(row[text], name_of_label, source, number)
