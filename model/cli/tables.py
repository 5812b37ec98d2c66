"""A model directory's description, as tables for people."""

from collections.abc import Iterator
from itertools import islice

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from conveyor.model.artifact.info import Info
from conveyor.model.artifact.storage import UNVERIFIED
from conveyor.model.network.cell import CELLS
from conveyor.model.network.config import ModelConfig

# More labels than this are told by the first of them, and their number.
MOST_LABELS = 12
UNSEALED = "there is no SHA256SUMS: nothing shows that they are whole"


def datasheet(info: Info) -> RenderableType:
    """Make the tables that `conveyor info` shows."""
    tables = [_facts(info), _parameters(info), _files(info)]
    return Group(*tables, *([_metrics(info)] if info.metrics else []))


def printable(text: str) -> str:
    """Escape what would steer a terminal in a text from a file that may be anybody's."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _facts(info: Info) -> Table:
    table = _table(None, Column(), Column(overflow="fold"))
    for fact, says in _told(info):
        table.add_row(fact, Text(printable(says)))
    return table


def _told(info: Info) -> Iterator[tuple[str, str]]:
    config = info.config
    yield "name", info.artifact.name
    yield "kind", f"{info.kind}, made of {CELLS[config.cell].NAME}"
    yield "sha256", info.artifact.sha256
    yield "files", "as SHA256SUMS has them" if info.sealed else UNSEALED
    for name, value in config:
        if name not in {"format_version", "cell", "id2label", "label_aliases", "unverified"}:
            yield name.replace("_", " "), _value(value)
    if info.labels:
        yield "labels", _labels(info.labels)
    if isinstance(config, ModelConfig) and config.unverified:
        yield "origin", UNVERIFIED


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _labels(labels: list[str]) -> str:
    shown = ", ".join(islice(labels, MOST_LABELS))
    more = len(labels) - MOST_LABELS
    return f"{len(labels)}: {shown}{f' and {more:,} more' if more > 0 else ''}"


def _parameters(info: Info) -> Table:
    table = _table("parameters", Column(), Column(), _numbers())
    for part in info.parts:
        table.add_row(part.name, part.formula, f"{part.count:,}")
    formula = "4*h*(h+x)" if info.config.cell == "lstm" else "h*(h+x)"
    table.add_section()
    table.add_row("layers, without biases", formula, f"{info.parameters.recurrent_by_formula:,}")
    table.add_row("in all", "", f"{info.parameters.total:,}")
    return table


def _files(info: Info) -> Table:
    stored = f"files, weights in {' and '.join(info.dtypes)}"
    table = _table(stored, Column(), _numbers())
    for file in info.files:
        table.add_row(Text(printable(file.name)), f"{file.bytes:,} bytes")
    table.add_section()
    table.add_row("in all", f"{info.bytes:,} bytes")
    return table


def _metrics(info: Info) -> Table:
    table = _table("metrics, as the model card tells them", Column(), _numbers(), Column())
    for metric in info.metrics:
        where = f"{metric.dataset}, {metric.split}" if metric.split else metric.dataset
        value = metric.value if isinstance(metric.value, str) else f"{metric.value:g}"
        table.add_row(*(Text(printable(cell)) for cell in (metric.type, value, where)))
    return table


def _table(title: str | None, *columns: Column) -> Table:
    return Table(*columns, title=title, title_justify="left", show_header=False)


def _numbers() -> Column:
    return Column(justify="right")
