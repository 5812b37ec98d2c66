"""The `conveyor` command: `conveyor serve`, beside the model's own commands."""

import os
import sys
from typing import Any

from pydantic import ValidationError

from conveyor.model.cli.app import app
from conveyor.model.cli.flags import with_flags, wrong_flag
from conveyor.model.inference.torch_import import import_torch
from conveyor.service.failures import StartError, exit_with_sentence
from conveyor.service.process.interpreter import pause_gc
from conveyor.service.settings import Settings

STDIN, STDOUT, STDERR = range(3)


def main() -> None:
    """Run the command line."""
    _open_standard_files()
    with exit_with_sentence():
        app()


def _open_standard_files() -> None:
    """Open /dev/null for those that are closed, so that no other file takes their numbers."""
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = open(STDIN, closefd=False)  # noqa: SIM115 - for as long as the process lasts


@app.command()
@with_flags(Settings)
def serve(**flags: Any) -> None:  # noqa: ANN401 - as the settings are
    """Serve a model over HTTP.

    Every option can also be set by an environment variable, CONVEYOR_PORT for --port; a flag wins.
    """
    try:
        settings = Settings(**flags)
    except ValidationError as error:
        raise StartError(wrong_flag(error, flags, prefix="CONVEYOR_")) from None
    pause_gc()
    import_torch()
    from conveyor.service.serve import run  # noqa: PLC0415 - PyTorch takes seconds

    raise SystemExit(run(settings))


if __name__ == "__main__":
    main()
