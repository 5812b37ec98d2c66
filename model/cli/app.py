"""The `conveyor` command line: one app, which each command joins."""

import typer

from model.cli.check import check
from model.cli.convert import convert
from model.cli.evaluate import evaluate
from model.cli.info import info
from model.cli.predict import predict
from model.cli.pretrain import pretrain
from model.cli.train import train

app = typer.Typer(
    name="conveyor",
    help="Train an LSTM text classifier, judge it, and serve it over HTTP with its inner states.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for command in (pretrain, train, evaluate, predict, convert, info, check):
    app.command()(command)
