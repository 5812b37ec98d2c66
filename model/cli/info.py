"""conveyor info: tell what a model is."""

from pathlib import Path
from typing import Annotated

import typer


def info(
    model: Annotated[Path, typer.Argument(help="Directory of a classifier or a language model.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Tell what a model is: its sizes, labels, parameters by formula, files, hash and metrics.

    The network itself is not run; `conveyor check` does that.

    Example: `conveyor info my-model`
    """
    import orjson
    from rich.console import Console

    from conveyor.model.artifact import info
    from conveyor.model.cli.tables import datasheet

    told = info.info(model)
    if json:
        content = orjson.dumps(told.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        typer.echo(content.decode())
    else:
        Console().print(datasheet(told))
