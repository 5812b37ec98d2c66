"""conveyor evaluate: compare a model's labels with the true ones."""

from pathlib import Path
from typing import Annotated

import typer

from conveyor.model.cli.options import DATA_HELP, FormatOption, LabelColumnOption, TextColumnOption

SMALLER_EVALUATION = "give fewer texts at once, or evaluate the model where there is more of it"


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    format: FormatOption = None,  # noqa: A002 - the flag's name
) -> None:
    """Compare a model's labels with the true ones.

    Prints the accuracy, each label's precision and recall, and which labels are taken for which.
    Texts longer than the model reads are classified by their end.

    Example: `conveyor evaluate my-model --data test.csv`
    """
    from rich.console import Console

    from conveyor.model.artifact import storage
    from conveyor.model.cli.memory import enough_memory
    from conveyor.model.cli.progress import Progress
    from conveyor.model.cli.scores import print_evaluation
    from conveyor.model.data.examples import read_examples
    from conveyor.model.data.formats import check_pipe_format
    from conveyor.model.data.rows import Columns
    from conveyor.model.evaluation import metrics
    from conveyor.model.interruption import interruptible

    check_pipe_format(format, [data])
    with (
        interruptible(),
        Progress("evaluating", Console(stderr=True)) as progress,
        enough_memory(lambda: SMALLER_EVALUATION),
    ):
        classifier = storage.load(model).classifier
        examples = read_examples(data, Columns(text_column, label_column), format)
        progress.count(0, len(examples))
        evaluation = metrics.evaluate(
            classifier, examples, lambda done: progress.count(done, len(examples))
        )
    print_evaluation(evaluation, "texts")
