"""The command that is being run, as a model card tells it."""

import shlex
import sys

from conveyor.model.files import as_unicode


def command_line() -> str:
    """Return the command that is being run, in Markdown."""
    command = as_unicode(shlex.join(["conveyor", *sys.argv[1:]]))
    return f"The command was:\n\n```sh\n{command}\n```"
