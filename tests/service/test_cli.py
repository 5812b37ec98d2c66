"""The command line as a whole: what it imports before it knows what to do."""

import subprocess
import sys

# Imported for the flags alone.
FLAGS = {"conveyor.model.training", "conveyor.model.training.settings"}

LEARNING = ("conveyor.model.training", "conveyor.model.convert", "conveyor.model.labelling")


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
    others = ("conveyor.model.verification", "torch", "datasets", "pyarrow", "jinja2", "fastapi")
    heavy = ("huggingface_hub", "numpy", "tokenizers", "rich")
    assert imported("import conveyor.service.cli", *LEARNING, *others, *heavy) == FLAGS


def test_the_help_needs_nothing_else() -> None:
    program = """
from conveyor.service.cli import main
sys.argv = ["conveyor", "--help"]
try:
    main()
except SystemExit:
    pass
"""
    others = ("conveyor.model.artifact", "torch", "fastapi", "numpy", "tokenizers")
    assert imported(program, *LEARNING, *others) == FLAGS


def test_what_serves_does_not_learn_convert_or_label() -> None:
    others = (*LEARNING, "datasets", "jinja2")
    assert imported("import conveyor.service.serve", *others) == set()
    assert imported("import conveyor.service.cli, conveyor.service.serve", *others) == FLAGS


def test_the_packages_are_found_as_a_wheel_has_them() -> None:
    """In a checkout, `service` and `model` can be found beside it; in a wheel there are none."""
    assert imported("import conveyor.service.serve", "service", "model") == set()


def test_serve_imports_no_more_than_it_needs() -> None:
    program = """
from conveyor.service.cli import main
sys.argv = ["conveyor", "serve", "--host", "192.0.2.1"]  # which nobody has, so it ends
try:
    main()
except SystemExit:
    pass
assert "conveyor.service.serve" in sys.modules
"""
    unused = ("torch._meta_registrations", "torch._dynamo", "torch._inductor", "sympy")
    others = ("conveyor.model.cli.scores", "rich", "jinja2", "huggingface_hub", "datasets")
    assert imported(program, *LEARNING, *unused, *others) == FLAGS
