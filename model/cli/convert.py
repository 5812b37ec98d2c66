"""conveyor convert: make a model of another framework one of ours."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conveyor.model.cli.command_line import command_line
from conveyor.model.files import as_unicode, name_of
from conveyor.model.types import Split

if TYPE_CHECKING:
    from conveyor.model.convert.proof import Proof
    from conveyor.model.convert.supervision import Report

SMALLER_CONVERSION = "convert the model where there is more of it"


def convert(  # noqa: PLR0913 - a parameter for each flag
    source: Annotated[
        Path,
        typer.Argument(
            help="The model: a state dict of PyTorch (.safetensors, .pt, .pth, .bin), a model of "
            "Keras 3 (.keras, .h5), an ONNX graph, or a directory as on model hubs."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Directory for the model; it must not be there yet.")],
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Labels in the order of the outputs; by default, id2label in the config.json "
            "beside the model. Of one output, the second label is the likelier the larger it is.",
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="A tokenizer.json; by default, the one that lies beside the model."),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a tokenizer, its vocabulary: a file with a token in each line, from "
            "id 0 on, or a .json file with a list, or with an object from token to id."
        ),
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(
            help="How texts are cut into the tokens of a vocabulary. whitespace: at white space; "
            "word: into runs of letters and digits, and single other signs; character; "
            "basic-english: as torchtext's basic_english does, and lower-cased; keras: as Keras' "
            "TextVectorization does, lower-cased and without punctuation."
        ),
    ] = None,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Texts are lower-cased before they are cut.")
    ] = False,
    unknown: Annotated[
        str | None,
        typer.Option(
            help="The token for all that the vocabulary does not have.", show_default="[UNK], <unk>"
        ),
    ] = None,
    padding: Annotated[
        str | None, typer.Option(help="The token for padding.", show_default="[PAD], <pad>")
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            help="For PyTorch: how the states of all steps become what the head reads: last, max, "
            "mean, several in the head's order, such as mean+max, or concat: last+max+mean."
        ),
    ] = None,
    key_map: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="For PyTorch: the name of a tensor or module in the file, where it cannot be "
            "found; once for each, or a JSON file of them.",
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="JSON lines of what the model gave, one text at a time: `text`, `ids` or both, "
            "and `logits` or `probabilities`. The converted model has to give the same."
        ),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="Longest text, in tokens, that the model reads.")
    ] = 4096,
) -> None:
    """Make a model of PyTorch, Keras or ONNX one of ours, which can be served.

    What cannot be represented is refused by its name. The converted model is compared with its
    source, and written only if no output differs by more than 1e-5. A state dict of PyTorch holds
    no program to compare with: without --samples of what it gave, the model is marked as
    unverified.

    Example: `conveyor convert model.pt --tokenizer tokenizer.json --labels neg,pos --pooling last
    --out my-model`
    """
    from conveyor.model.artifact.storage import UNVERIFIED
    from conveyor.model.cli.memory import enough_memory
    from conveyor.model.convert import convert, files
    from conveyor.model.convert.head import read_parts
    from conveyor.model.convert.options import ConvertOptions, tokens_and_labels
    from conveyor.model.convert.pytorch.key_map import read_key_map
    from conveyor.model.convert.samples import read_samples
    from conveyor.model.convert.source import Hints
    from conveyor.model.convert.supervision import supervised
    from conveyor.model.interruption import interruptible

    hints = Hints(read_key_map(key_map or []), read_parts(pooling) if pooling else None)
    options = ConvertOptions(tokenizer, vocabulary, split, lowercase, unknown, padding, labels)
    file = files.find(source)

    def work(report: "Report", made: Path) -> "Proof":
        with enough_memory(lambda: SMALLER_CONVERSION):
            found = files.read(file, hints)
            report((found.framework, found.mapping, found.notes))
            siblings = files.read_siblings(file, found)
            tokens, names = tokens_and_labels(found, siblings, options)
            report((None, [], [*siblings.notes, *tokens.notes]))
            rows = min(found.shape.vocab_size, tokens.tokenizer.vocab_size)
            given = read_samples(samples, tokens.tokenizer, rows) if samples else []
            name = name_of(out)
            target = convert.TargetSpec(
                tokens, names, max_tokens, name, as_unicode(file.name), command_line()
            )
            return convert.convert(found, target, given, made)

    with interruptible(), convert.placed(out) as made:
        proof = supervised(partial(work, made=made), file, _print_report)
    typer.echo(f"The model is converted: {proof}.")
    if not proof.verified:
        typer.echo(f"It is {UNVERIFIED}. To prove that it gives the same, give --samples.")
    where = as_unicode(out)
    typer.echo(f"It is in {where}. Serve it: conveyor serve --model {shlex.quote(where)}")


def _print_report(report: tuple[str | None, list[tuple[str, str]], list[str]]) -> None:
    """Show which tensor became which, if the report has that, and notes."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True)  # stdout has the result, which alone is worth piping on
    framework, mapping, notes = report
    if framework:
        table = Table(framework, "here")
        for theirs, ours in mapping:
            table.add_row(Text(theirs), Text(ours))
        console.print(table)
    for note in notes:
        console.print(Text(f"Note: {note}"))
