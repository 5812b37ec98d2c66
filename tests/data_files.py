"""The same rows in every kind of file that commands read."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

# As the flag --data has them; for a pipe, its content's kind stands behind it.
SOURCES = (
    *("in.csv", "in.tsv", "in.jsonl", "in.csv.gz", "in.tsv.gz", "in.jsonl.gz", "in.parquet"),
    *("-", "- csv", "- tsv", "- jsonl", "hub:in"),
)


def content(rows: Sequence[dict[str, str]], kind: str) -> str:
    """The rows as the lines of a file of this kind."""
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows)
    lines = [[*rows[0]], *([*row.values()] for row in rows)]
    if kind == "tsv":
        return "".join("\t".join(line) + "\n" for line in lines)
    written = io.StringIO()
    csv.writer(written).writerows(lines)
    return written.getvalue()


def write_source(directory: Path, source: str, rows: Sequence[dict[str, str]]) -> tuple[str, str]:
    """Write one of SOURCES: what --data is then, and what standard input."""
    name, _, pipe_format = source.partition(" ")
    if name == "-":
        return name, content(rows, pipe_format or "csv")
    if name == "hub:in" or name.endswith(".parquet"):
        path = directory / ("in/train.parquet" if name == "hub:in" else name)
        path.parent.mkdir(exist_ok=True)
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
        return f"hub:{directory / 'in'}" if name == "hub:in" else str(path), ""
    kind = name.split(".")[1]
    made = content(rows, kind).encode()
    (directory / name).write_bytes(gzip.compress(made) if name.endswith(".gz") else made)
    return str(directory / name), ""


def format_flag(source: str) -> list[str]:
    """The flag that tells the kind of a pipe, if it has to be told."""
    kind = source.partition(" ")[2]
    return ["--format", kind] if kind else []
