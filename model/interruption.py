"""Interruption: Ctrl-C and SIGTERM are noted, and long work looks at the note between small pieces.

Python itself raises KeyboardInterrupt wherever it happens to be. Where that is a callback of a
library, or the garbage collector's, the exception is printed and dropped, and the work goes on. A
note cannot be dropped: what looks at it ends at a place where everything is in order.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

import typer

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)

# A process has one handler for each signal, and so one note of what has come.
_noted: list[int] = []


class Interrupted(BaseException):
    """A signal has come. As KeyboardInterrupt, it is no error that anything might handle."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as shells say it


@contextmanager
def interruptible(says: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Note signals while the block runs; one ends the command with its exit code and a message.

    A second one ends the process at once. Signals that the parent lets its children ignore stay so.
    """
    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, _note)
    try:
        yield
    except Interrupted as interrupted:
        raise ended(interrupted, says()) from None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        _noted.clear()


def ended(interrupted: Interrupted, says: str = "") -> typer.Exit:
    """Say that a command was interrupted, and return the exception that ends it."""
    typer.echo(f"conveyor: Interrupted. {says}".rstrip(), err=True)
    return typer.Exit(interrupted.exit_code)


def interrupted() -> bool:
    """Return whether a signal has been noted."""
    return bool(_noted)


def check() -> None:
    """Raise Interrupted if a signal has been noted."""
    if _noted:
        raise Interrupted(_noted[0])


def watched(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, as long as no signal is noted. Raises Interrupted."""
    for item in items:
        check()
        yield item


def _note(number: int, _frame: FrameType | None) -> None:
    _noted.append(number)
    for each in SIGNALS:
        if signal.getsignal(each) is _note:
            signal.signal(each, signal.SIG_DFL)
