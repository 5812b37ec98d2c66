"""conveyor pretrain: learn a language, for classifiers to start from."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from conveyor.model.cli.command_line import command_line
from conveyor.model.cli.flags import parse_flags, with_flags
from conveyor.model.cli.options import FORMATS, FormatOption, OutOption, TextsColumnOption
from conveyor.model.errors import TrainingError
from conveyor.model.files import as_unicode
from conveyor.model.training.settings import PretrainingSettings
from conveyor.model.types import Panel


@with_flags(PretrainingSettings)
def pretrain(
    data: Annotated[
        list[str],
        typer.Option(help=f"Texts, labelled or not: {FORMATS} Once for each."),
    ],
    out: OutOption,
    text_column: TextsColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
    pretrained: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=Panel.STARTING_POINT,
            help="Pretrained model to go on from, to read more of the same or texts of another "
            "kind: its tokens, sizes and weights are taken over.",
        ),
    ] = None,
    embedding_of: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=Panel.STARTING_POINT,
            help="Pretrained model whose tokens and embeddings to take, and to leave as they are: "
            "so the two directions share them.",
        ),
    ] = None,
    **flags: Any,  # noqa: ANN401 - as the settings are
) -> None:
    """Learn a language from texts without labels, for classifiers to start from.

    The model is written after every epoch. Interrupted, the same command continues from its last
    checkpoint, at most a minute back, and ends with the same model.

    Example: `conveyor pretrain --data mine.csv --text-column body --out my-language`
    """
    settings = parse_flags(PretrainingSettings, flags)
    from rich.console import Console

    from conveyor.model.artifact import language_model
    from conveyor.model.cli.checkpointed import checkpointed
    from conveyor.model.cli.progress import Progress
    from conveyor.model.data.examples import read_texts
    from conveyor.model.data.formats import check_pipe_format
    from conveyor.model.training import pretrain
    from conveyor.model.training.checkpoint import CHECKPOINT

    check_pipe_format(format, data)
    if (out / language_model.CONFIG).exists() and not (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} holds a model already: choose another --out, or remove it.")
    with (
        checkpointed(out, "--batch-size, --bptt"),
        Progress("pretraining", Console(stderr=True)) as progress,
    ):
        perplexity = pretrain.pretrain(
            [text for source in data for text in read_texts(source, text_column, format)],
            settings,
            out,
            pretrained=language_model.load(pretrained) if pretrained else None,
            embedding_of=language_model.load(embedding_of) if embedding_of else None,
            about=command_line(),
            callbacks=progress.pretraining(),
        )
    where = as_unicode(out)
    typer.echo(f"perplexity {perplexity:.1f} on held-out texts")
    fine_tune = f"conveyor train --pretrained {shlex.quote(where)} ..."
    typer.echo(f"The model is in {where}. Fine-tune it: {fine_tune}")
