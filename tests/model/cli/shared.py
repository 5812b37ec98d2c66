"""Quick settings and small files of texts, for the commands' tests."""

import csv
from pathlib import Path

QUICK = [
    *("--epochs", "10", "--learning-rate", "0.02", "--dropout", "0.1", "--embedding-dropout", "0"),
    *("--hidden-size", "8", "--embedding-dim", "12"),
]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "body", "topic"])
        writer.writerows((number, text, label) for number, (text, label) in enumerate(rows))


GIGABYTE = 2**30
