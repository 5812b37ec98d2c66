"""Log lines on their way to a reader who may be slow, or gone."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conveyor.service.process import logs
from conveyor.service.process.logs import MAX_WAITING, logging_to_stderr, write

LINE = "x" * 1000


@contextmanager
def stderr(file: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have this file as standard error, and pytest's logging again afterwards.

    What is configured anew closes every handler that there is, and one of a library's (absl's, that
    Keras imports) closes the file with it that it writes to: here, pytest's own standard error.
    """
    root = logging.getLogger()
    before = root.handlers[:], root.level
    handlers = logging._handlerList[:]  # type: ignore[attr-defined]
    del logging._handlerList[:]  # type: ignore[attr-defined]
    with open(file, "w", closefd=False) as replaced:
        monkeypatch.setattr(sys, "stderr", replaced)
        try:
            yield
        finally:
            root.handlers, root.level = before
            logging._handlerList[:] = handlers  # type: ignore[attr-defined]


def read(file: int) -> list[str]:
    os.set_blocking(file, False)
    data = b""
    try:
        while piece := os.read(file, 2**16):
            data += piece
    except BlockingIOError:
        pass
    return data.decode().splitlines()


def test_lines_come_in_order_and_the_last_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    with path.open("w") as file, stderr(file.fileno(), monkeypatch):  # noqa: SIM117
        with logging_to_stderr("info", "json"):
            for number in range(500):
                logging.getLogger("a").info("line %d", number)
            logging.getLogger("a").debug("not this one")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["message"] for line in lines] == [f"line {number}" for number in range(500)]


@pytest.mark.parametrize("blocking", [True, False])
def test_nobody_who_reads_holds_anybody_up(blocking: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are dropped once there is no room, counted, and told of when there is room again."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, blocking)
    dropped = 0

    def drop() -> None:
        nonlocal dropped
        dropped += 1

    logger = logging.getLogger("a")
    number = 0
    with stderr(theirs, monkeypatch), logging_to_stderr("info", "text") as handler:
        handler.on_drop = drop
        while not dropped:
            logger.info("%d %s", number, LINE)
            number += 1
        assert MAX_WAITING / 2000 < number < MAX_WAITING / 500  # bounded by its characters
        logger.info("this one is lost as well")
        lines: list[str] = []
        while not any(f" {number - 2} " in line for line in lines):  # the last one that was taken
            lines += read(ours)
        logger.info("and this is read")
    lines += read(ours)
    os.close(ours)
    os.close(theirs)
    text = "".join(lines)  # a line may have been read in pieces
    assert dropped >= 2
    assert f"standard error did not take them: {dropped}" in text
    assert text.endswith("and this is read")
    assert all(f" {n} {LINE}" in text for n in range(number - 1))


def test_the_end_does_not_wait_for_a_reader_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LAST_SECONDS", 0.1)
    ours, theirs = os.pipe()
    with stderr(theirs, monkeypatch), logging_to_stderr("info", "text"):
        for _ in range(3000):
            logging.getLogger("a").info(LINE)
    os.close(ours)  # lets the thread end: nobody is left to read
    os.close(theirs)


def test_a_disk_that_is_full_and_a_reader_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    full = os.open("/dev/full", os.O_WRONLY)
    for file in (theirs, full):
        dropped = []
        with stderr(file, monkeypatch), logging_to_stderr("info", "text") as handler:
            handler.on_drop = lambda: dropped.append(1)  # noqa: B023 - called here
            logging.getLogger("a").info("lost")
            logging.getLogger("a").info("lost")
        assert len(dropped) >= 2  # and what tells of it
        os.close(file)


def test_without_a_standard_error_lines_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with stderr(1, monkeypatch):
        monkeypatch.setattr(sys, "stderr", None)
        with logging_to_stderr("info", "text"):
            logging.getLogger("a").info("nothing")


def test_what_no_encoding_takes_is_written_all_the_same() -> None:
    ours, theirs = os.pipe()
    write(theirs, "a\udcffb\n")
    assert read(ours) == ["a\\udcffb"]
    os.close(ours)
    os.close(theirs)
