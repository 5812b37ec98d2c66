"""The command line as a whole: what it imports before it knows what to do."""

import subprocess
import sys

# Imported for the flags alone.
FLAGS = {"model.training", "model.training.settings"}


def imported(program: str, *packages: str) -> set[str]:
    """The modules of these packages that a program has imported, in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = told.stdout.splitlines()[-1].split()
    return {
        name for name in modules for package in packages if f"{name}.".startswith(f"{package}.")
    }


def test_the_command_line_imports_no_more_than_its_flags_need() -> None:
    learning = ("model.training", "model.convert", "model.labelling", "model.verification")
    heavy = ("torch", "datasets", "pyarrow", "jinja2", "huggingface_hub", "fastapi")
    assert imported("import service.cli", *learning, *heavy) == FLAGS


def test_the_help_needs_nothing_else() -> None:
    program = """
from service.cli import main
sys.argv = ["conveyor", "--help"]
try:
    main()
except SystemExit:
    pass
"""
    assert imported(program, "model.training", "model.artifact", "torch", "fastapi") == FLAGS


def test_what_serves_does_not_learn_convert_or_label() -> None:
    others = ("model.training", "model.convert", "model.labelling", "datasets", "jinja2")
    assert imported("import service.serve", *others) == set()
    assert imported("import service.cli, service.serve", *others) == FLAGS
