"""Failures that can be foreseen: StartError, and the one sentence that a process ends with."""

import contextlib
import sys
from collections.abc import Iterator

import typer

from conveyor.model.errors import ModelError


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator."""


@contextlib.contextmanager
def exit_with_sentence() -> Iterator[None]:
    """Exit with code 1 on a failure that can be foreseen, once one sentence has told of it."""
    try:
        yield
    except (ModelError, StartError) as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
    else:
        return
    typer.echo(f"conveyor: {sentence}", err=True)
    sys.exit(1)
