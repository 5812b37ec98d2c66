"""The `conveyor` command line: conveyor pretrain, train and evaluate; the others join in."""

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from model.artifact import language_model, model_files, storage
from model.artifact.card import command_line
from model.cli.check import check
from model.cli.convert import convert
from model.cli.flags import with_flags, wrong_flag
from model.cli.info import info
from model.cli.memory import enough_memory
from model.cli.predict import predict
from model.cli.progress import Progress
from model.data.examples import read_examples, read_texts
from model.data.formats import check_pipe_format
from model.data.rows import Columns
from model.data.soft_labels import merged, read_soft_examples
from model.errors import TrainingError
from model.evaluation.metrics import Evaluation
from model.evaluation.metrics import evaluate as run_evaluation
from model.files import as_unicode
from model.interruption import interruptible
from model.training.checkpoint import CHECKPOINT
from model.training.initialization import Initialization, PretrainedInitialization
from model.training.pretrain import pretrain as run_pretraining
from model.training.settings import PretrainingSettings, TrainingSettings
from model.training.train import train as run_training
from model.training.vectors import WordVectors

app = typer.Typer(
    name="conveyor",
    help="Train an LSTM text classifier, judge it, and serve it over HTTP with its inner states.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
console = Console()
# How a run goes is told beside its result, which alone is worth piping on.
story = Console(stderr=True)

Settings = TypeVar("Settings", bound=BaseModel)

# A wider table does not fit a screen.
WIDEST_CONFUSION = 6
MOST_CONFUSIONS = 12


KINDS = (
    "a .csv, .tsv or .jsonl file, also .gz, a .parquet (with the `parquet` extra installed), "
    "`hub:NAME@SPLIT` (with the `hub` extra), or `-`, standard input."
)
DATA_HELP = f"Labelled texts: {KINDS}"
SMALLER_EVALUATION = "give fewer texts at once, or evaluate the model where there is more of it"
TextColumnOption = Annotated[
    str | None,
    typer.Option(
        help="Column of the texts. Without names, a .csv or .tsv whose first line does not "
        "name `text` and `label` holds a label and a text in every line.",
        show_default="text",
    ),
]
LabelColumnOption = Annotated[
    str | None, typer.Option(help="Column of the labels.", show_default="label")
]
FormatOption = Annotated[
    Literal["csv", "tsv", "jsonl"] | None,
    typer.Option(
        help="Kind of what comes through `-`, which has no name to tell it.", show_default="csv"
    ),
]


@app.command()
@with_flags(PretrainingSettings)
def pretrain(
    data: Annotated[
        list[str],
        typer.Option(help=f"Texts, labelled or not: {KINDS} Once for each."),
    ],
    out: Annotated[Path, typer.Option(help="Directory for the model; made if it is not there.")],
    text_column: TextColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
    pretrained: Annotated[
        Path | None,
        typer.Option(
            help="Pretrained model to go on from, to read more of the same or texts of another "
            "kind: its tokens, sizes and weights are taken over."
        ),
    ] = None,
    embedding_of: Annotated[
        Path | None,
        typer.Option(
            help="Pretrained model whose tokens and embeddings to take, and to leave as they are: "
            "so the two directions share them."
        ),
    ] = None,
    **flags: Any,  # noqa: ANN401 - as the settings are
) -> None:
    """Learn a language from texts without labels, for classifiers to start from.

    The model is written after every epoch. Interrupted, the same command continues from its last
    checkpoint, at most a minute back, and ends with the same model.

    Example: `conveyor pretrain --data mine.csv --text-column body --out my-language`
    """
    settings = _settings(PretrainingSettings, flags)
    check_pipe_format(format, data)
    if (out / language_model.CONFIG).exists() and not (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} holds a model already: choose another --out, or remove it.")
    with _run(out, "--batch-size, --bptt"), Progress("pretraining", story) as progress:
        perplexity = run_pretraining(
            _texts(data, text_column, format),
            settings,
            out,
            start=language_model.load(pretrained) if pretrained else None,
            embedding_of=language_model.load(embedding_of) if embedding_of else None,
            about=command_line(),
            watcher=progress.pretraining(),
        )
    where = as_unicode(out)
    typer.echo(f"perplexity {perplexity:.1f} on held-out texts")
    start = f"conveyor train --pretrained {shlex.quote(where)} ..."
    typer.echo(f"The model is in {where}. Fine-tune it: {start}")


@app.command()
@with_flags(TrainingSettings)
def train(  # noqa: PLR0913 - a parameter for each flag
    *,
    data: Annotated[
        list[str], typer.Option(help=f"{DATA_HELP} Once for each file; they are one set.")
    ],
    out: Annotated[Path, typer.Option(help="Directory for the model; made if it is not there.")],
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
    rename_label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Let the model say NEW where the data says OLD; once for each label.",
        ),
    ] = None,
    validation_data: Annotated[
        str | None,
        typer.Option(help="Held-out texts, like --data; by default, a part of those."),
    ] = None,
    soft_labels: Annotated[
        list[str] | None,
        typer.Option(
            help="Texts to learn as well, of which a model says how likely each label is: a .jsonl "
            "file, also .gz, with `text` and `scores`; once for each model."
        ),
    ] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(
            help="Texts without labels, or whose labels do not matter, for --virtual-adversarial "
            "and --entropy: a file like --data; once for each."
        ),
    ] = None,
    pretrained: Annotated[
        Path | None,
        typer.Option(
            help="Directory that `conveyor pretrain` has written: its tokens, sizes and weights "
            "are what the classifier starts from."
        ),
    ] = None,
    pretrained_backward: Annotated[
        Path | None,
        typer.Option(help="The same for the backward direction, with --bidirectional."),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="File of word vectors to start from, as GloVe, word2vec or fastText write them as "
            "text: a word and its numbers in each line."
        ),
    ] = None,
    **flags: Any,  # noqa: ANN401 - as the settings are
) -> None:
    """Train a classifier on labelled texts.

    Interrupted, the same command continues from its last checkpoint, at most a minute back, and
    ends with the same model.

    Example: `conveyor train --data mine.csv --text-column body --label-column topic --out my-model`
    """
    settings = _settings(TrainingSettings, flags)
    check_pipe_format(format, (*data, validation_data or "", *(unlabelled or [])))
    if (out / model_files.CONFIG).exists():
        raise TrainingError(f"{out} holds a model already: choose another --out, or remove it.")
    columns = Columns(text_column, label_column)
    with _run(out, "--batch-size, --train-tokens"), Progress("training", story) as progress:
        evaluation = run_training(
            [example for source in data for example in read_examples(source, columns, format)],
            settings,
            out,
            validation=read_examples(validation_data, columns, format) if validation_data else [],
            soft=merged([read_soft_examples(each, text_column) for each in soft_labels or []]),
            unlabelled=_texts(unlabelled or [], text_column, format),
            label_aliases=_renames(rename_label or []),
            start=_start(pretrained, pretrained_backward, vectors),
            about=command_line(),
            watcher=progress.training(),
        )
    if evaluation:
        _print_evaluation(evaluation, "held-out texts")
    where = as_unicode(out)
    typer.echo(f"The model is in {where}. Serve it: conveyor serve --model {shlex.quote(where)}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
) -> None:
    """Compare a model's labels with the true ones.

    Prints the accuracy, each label's precision and recall, and which labels are taken for which.
    Texts longer than the model reads are judged by their end.

    Example: `conveyor evaluate my-model --data test.csv`
    """
    check_pipe_format(format, [data])
    with (
        interruptible(),
        Progress("evaluating", story) as progress,
        enough_memory(lambda: SMALLER_EVALUATION),
    ):
        classifier = storage.load(model).classifier
        examples = read_examples(data, Columns(text_column, label_column), format)
        progress.count(0, len(examples))
        evaluation = run_evaluation(
            classifier, examples, lambda done: progress.count(done, len(examples))
        )
    _print_evaluation(evaluation, "texts")


for command in (predict, convert, info, check):
    app.command()(command)


def _settings(kind: type[Settings], flags: dict[str, Any]) -> Settings:
    try:
        return kind(**flags)
    except ValidationError as error:
        raise TrainingError(wrong_flag(error, flags)) from None


def _texts(sources: list[str], text_column: str | None, pipe_format: str | None) -> list[str]:
    return [text for source in sources for text in read_texts(source, text_column, pipe_format)]


def _start(
    pretrained: Path | None, backward: Path | None, vectors: Path | None
) -> Initialization | None:
    if pretrained and vectors:
        raise TrainingError(
            "--pretrained brings embeddings of its own, and so does --vectors: give one of the two."
        )
    if pretrained:
        return PretrainedInitialization(
            language_model.load(pretrained), language_model.load(backward) if backward else None
        )
    if backward:
        raise TrainingError("--pretrained-backward needs --pretrained beside it: give both.")
    return WordVectors.of(vectors) if vectors else None


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


@contextlib.contextmanager
def _run(out: Path, settings: str) -> Iterator[None]:
    """What can end a run beside its own errors, in one sentence; these settings take memory."""

    def smaller() -> str:
        less = f"lower {settings} or the sizes of the network, or give fewer texts"
        if not (out / CHECKPOINT).exists():
            return less
        return f"{less}, and another --out, as {out / CHECKPOINT} only goes on as it began"

    def again() -> str:
        begun = (out / CHECKPOINT).exists()
        return (
            f"The same command {'continues from the last checkpoint' if begun else 'begins anew'}."
        )

    try:
        with interruptible(again), enough_memory(smaller):
            yield
    except OSError as error:
        raise TrainingError(
            f"The model cannot be written to {out}: {error.strerror}. {again()}"
        ) from None


def _print_evaluation(evaluation: Evaluation, what: str) -> None:
    typer.echo(f"accuracy {evaluation.accuracy:.4f} on {evaluation.texts:,} {what}")
    typer.echo(f"expected calibration error {evaluation.calibration_error:.4f}")
    scores = Table("label", "precision", "recall", "texts")
    rows = zip(
        evaluation.labels,
        evaluation.precision,
        evaluation.recall,
        evaluation.confusion.sum(axis=1),
        strict=True,
    )
    for label, precision, recall, texts in rows:
        scores.add_row(Text(label), f"{precision:.4f}", f"{recall:.4f}", f"{texts:,}")
    console.print(scores)
    console.print(_confusion_table(evaluation))


def _confusion_table(evaluation: Evaluation) -> Table:
    """All counts for a few labels; for many, the most frequent mistakes."""
    if len(evaluation.labels) <= WIDEST_CONFUSION:
        table = Table("true \\ predicted", *(Column(_short(label)) for label in evaluation.labels))
        for label, counts in zip(evaluation.labels, evaluation.confusion, strict=True):
            table.add_row(Text(label), *(f"{count:,}" for count in counts))
    else:
        table = Table("true", "predicted", "texts", title="most frequent mistakes")
        for true, predicted, texts in evaluation.confusions(MOST_CONFUSIONS):
            table.add_row(Text(true), Text(predicted), f"{texts:,}")
    return table


def _short(label: str) -> Text:
    """A label as the head of a narrow column."""
    text = Text(label)
    text.truncate(8, overflow="ellipsis")
    return text
