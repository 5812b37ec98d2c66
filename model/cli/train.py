"""conveyor train: train a classifier."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from conveyor.model.cli.command_line import command_line
from conveyor.model.cli.flags import parse_flags, with_flags
from conveyor.model.cli.options import (
    DATA_HELP,
    FormatOption,
    LabelColumnOption,
    OutOption,
    TextColumnOption,
)
from conveyor.model.errors import TrainingError
from conveyor.model.files import as_unicode
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.types import Panel

if TYPE_CHECKING:
    from conveyor.model.training.initialization import Initialization
    from conveyor.model.training.preparation import Automatic

# What --pretrained says where it names no directory, beside "auto".
NOTHING = "none"


@with_flags(TrainingSettings)
def train(  # noqa: PLR0913 - a parameter for each flag
    *,
    data: Annotated[
        list[str], typer.Option(help=f"{DATA_HELP} Once for each file; they are one set.")
    ],
    out: OutOption,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
    validation_data: Annotated[
        str | None,
        typer.Option(help="Held-out texts, like --data; by default, a part of those."),
    ] = None,
    rename_label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            rich_help_panel=Panel.DATA,
            help="Let the model say NEW where the data says OLD; once for each label.",
        ),
    ] = None,
    recipe: Annotated[
        Literal["auto", "none"],
        typer.Option(
            rich_help_panel=Panel.TRAINING,
            help="auto: --pretrained and what below is `by the table` follow its size, texts and "
            "language. none: they are as docs/training.md lists them, whatever the table.",
        ),
    ] = "auto",
    soft_labels: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=Panel.DATA,
            help="Texts to learn as well, of which a model says how likely each label is: a .jsonl "
            "file, also .gz, with `text` and `scores`; once for each model.",
        ),
    ] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=Panel.DATA,
            help="Texts without labels, or whose labels do not matter, for --virtual-adversarial "
            "and --entropy: a file like --data; once for each.",
        ),
    ] = None,
    pretrained: Annotated[
        str,
        typer.Option(
            rich_help_panel=Panel.STARTING_POINT,
            metavar="auto|none|DIRECTORY",
            help="Language model of `conveyor pretrain`, or classifier of `conveyor train`, to go "
            "on from: its tokens, sizes and weights are taken over. auto: the shipped English "
            "language model, for texts whose words it knows.",
        ),
    ] = "auto",
    pretrained_backward: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=Panel.STARTING_POINT,
            help="The same for the backward direction, with --bidirectional.",
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=Panel.STARTING_POINT,
            help="File of word vectors to start from, as GloVe, word2vec or fastText write them as "
            "text: a word and its numbers in each line.",
        ),
    ] = None,
    **flags: Any,  # noqa: ANN401 - as the settings are
) -> None:
    """Train a classifier on labelled texts.

    Interrupted, the same command continues from its last checkpoint, at most a minute back, and
    ends with the same model.

    Example: `conveyor train --data mine.csv --text-column body --label-column topic --out my-model`
    """
    settings = parse_flags(TrainingSettings, flags)
    from rich.console import Console

    from conveyor.model.artifact import model_files
    from conveyor.model.cli.checkpointed import checkpointed
    from conveyor.model.cli.progress import Progress
    from conveyor.model.cli.scores import print_comparison, print_evaluation
    from conveyor.model.data.examples import read_examples, read_texts
    from conveyor.model.data.formats import check_pipe_format
    from conveyor.model.data.rows import Columns
    from conveyor.model.data.soft_labels import merged, read_soft_examples
    from conveyor.model.training import train
    from conveyor.model.training.preparation import prepare

    check_pipe_format(format, (*data, validation_data or "", *(unlabelled or [])))
    if (out / model_files.CONFIG).exists():
        raise TrainingError(f"{out} holds a model already: choose another --out, or remove it.")
    columns = Columns(text_column, label_column)
    with (
        checkpointed(out, "--batch-size, --train-tokens"),
        Progress("training", Console(stderr=True)) as progress,
    ):
        aliases = _renames(rename_label or [])
        texts = [
            text for source in unlabelled or [] for text in read_texts(source, text_column, format)
        ]
        prepared = prepare(
            [example for source in data for example in read_examples(source, columns, format)],
            read_examples(validation_data, columns, format) if validation_data else [],
            settings,
            aliases,
            _start(pretrained, pretrained_backward, vectors),
            unlabelled=texts,
            choose=recipe == "auto",
        )
        for line in (*prepared.notes, *prepared.reasons):
            progress.tell(line)
        evaluation = train.train(
            prepared.examples,
            prepared.settings,
            out,
            validation=prepared.validation,
            soft=merged([read_soft_examples(each, text_column) for each in soft_labels or []]),
            unlabelled=texts,
            label_aliases=aliases,
            initialization=prepared.initialization,
            ngrams=prepared.ngrams,
            baseline=prepared.baseline,
            about="\n\n".join((command_line(), *prepared.reasons)),
            callbacks=progress.training(),
        )
    if evaluation:
        print_evaluation(evaluation, "held-out texts")
    if evaluation and prepared.baseline:
        print_comparison(evaluation, prepared.baseline)
    where = as_unicode(out)
    typer.echo(f"The model is in {where}. Serve it: conveyor serve --model {shlex.quote(where)}")


def _start(
    pretrained: str, backward: Path | None, vectors: Path | None
) -> "Initialization | Automatic | None":
    from conveyor.model.artifact import language_model, model_files, storage
    from conveyor.model.training.continuation import Continuation
    from conveyor.model.training.initialization import PretrainedInitialization
    from conveyor.model.training.recipe import AUTOMATIC
    from conveyor.model.training.vectors import WordVectors

    named = pretrained not in {AUTOMATIC, NOTHING}
    if named and vectors:
        raise TrainingError(
            "--pretrained brings embeddings of its own, and so does --vectors: give one of the two."
        )
    if named and not backward and (Path(pretrained) / model_files.CONFIG).exists():
        return Continuation(storage.load(Path(pretrained)))
    if named:
        return PretrainedInitialization(
            language_model.load(Path(pretrained)),
            language_model.load(backward) if backward else None,
        )
    if backward:
        raise TrainingError("--pretrained-backward needs --pretrained beside it: give both.")
    if vectors:
        return WordVectors.of(vectors)
    return AUTOMATIC if pretrained == AUTOMATIC else None


def _renames(pairs: list[str]) -> dict[str, str]:
    renames = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise TrainingError(f"{pair!r} is not of the form OLD=NEW, as --rename-label needs it.")
        if new != as_unicode(new):
            raise TrainingError(f"{pair!r} is not UTF-8, so no file can have a label of that name.")
        renames[old] = new
    return renames
