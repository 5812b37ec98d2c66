"""The `conveyor` command line: one app, which each command joins."""

import typer

from conveyor.model.cli.check import check
from conveyor.model.cli.convert import convert
from conveyor.model.cli.evaluate import evaluate
from conveyor.model.cli.info import info
from conveyor.model.cli.predict import predict
from conveyor.model.cli.pretrain import pretrain
from conveyor.model.cli.train import train

app = typer.Typer(
    name="conveyor",
    help="Train an LSTM text classifier, judge it, and serve it over HTTP with its inner states.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for command in (pretrain, train, evaluate, predict, convert, info, check):
    app.command()(command)
