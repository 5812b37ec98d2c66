"""Objects that several threads share may be so used, and are listed in docs/architecture.md."""

import importlib
import pkgutil
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import conveyor

ROOT = Path(__file__).parents[2]

# Instances that modules hold for good, and why they may. Whoever adds one says so here, and in the
# table of docs/architecture.md if requests come near it.
ALLOWED = {
    "logging.Logger": "has a lock of its own",
    "fastapi.routing.APIRouter": "read while the application is made, by one thread",
    "functools._lru_cache_wrapper": "Python guards its entries",
    "_struct.Struct": "is compiled once and read",
    "torch.dtype": "is a name",
    "torch.autograd.grad_mode.no_grad": "a decorator, which makes a new one for each call",
    "builtins.object": "a mark, compared and nothing else",
    "typer.main.Typer": "the command line, before there are threads",
    "inspect.Parameter": "flags of the command line, before there are threads",
}

# What these hold is for commands, which a server does not run: flags, the signals that are noted,
# and pipes to the process that reads somebody else's file.
COMMAND_LINE = (
    "conveyor.model.cli.pretrain",
    "conveyor.model.cli.train",
    "conveyor.service.cli",
    "conveyor.model.convert.supervision",
    "conveyor.model.interruption",
)

PLAIN = (
    bool,
    int,
    float,
    str,
    bytes,
    range,
    slice,
    re.Pattern,
    Path,
    Enum,
    type,
    types.ModuleType,
    types.NoneType,
    types.GenericAlias,
    types.UnionType,
    typing.TypeVar,
)
HOLDERS = (
    Mapping,
    tuple,
    frozenset,
    list,
    set,
    types.FunctionType,
    types.MethodType,
    types.BuiltinMethodType,
)


def test_eight_threads_at_once_get_the_answers_of_one() -> None:
    """In a process of its own: a compressor that two threads shared ended the whole server."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.service.shared"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    done = run.stdout.splitlines()
    assert run.returncode == 0, f"{done[-1:]} ended it ({run.returncode}): {run.stderr[-2000:]}"
    assert done[-1] == "all"


def test_modules_hold_nothing_that_threads_could_get_in_each_others_way_with() -> None:
    found = {
        f"{module.__name__}.{name}: {kind}"
        for module in modules()
        for name, value in vars(module).items()
        if not name.startswith("__")
        for kind in shared(value, module.__name__)
        if kind not in ALLOWED and module.__name__ not in COMMAND_LINE
    }
    assert not found


def test_what_would_be_shared_is_found() -> None:
    class Compressor:
        def compress(self, body: bytes) -> bytes:
            return body

    kept = Compressor()
    name = f"{__name__}.{Compressor.__qualname__}"
    assert list(shared(kept, __name__)) == [name]
    assert list(shared({"zstd": kept.compress}, __name__)) == [name]
    assert list(shared([b"".join, [].append], __name__)) == ["builtins.list", "builtins.list"]
    assert list(shared(lambda: (kept, "of the closure"), __name__)) == [name]
    assert not list(shared({"zstd": Compressor, "level": 1}, __name__))


def modules() -> Iterator[types.ModuleType]:
    """All modules of the package."""
    for found in pkgutil.walk_packages(conveyor.__path__, "conveyor."):
        yield importlib.import_module(found.name)


def shared(value: Any, home: str) -> Iterator[str]:
    """The types of all instances that can change under ``value``, which a module holds."""
    if isinstance(value, PLAIN) or type(value).__module__ == "typing" or _frozen(value):
        return
    if not isinstance(value, HOLDERS) or isinstance(value, list | set):
        yield f"{type(value).__module__}.{type(value).__qualname__}"
    for one in _held(value, home):
        yield from shared(one, home)


def _held(value: Any, home: str) -> Iterator[Any]:
    """List the values in a container or a function, if it is this module's own."""
    if isinstance(value, Mapping):
        yield from (*value, *value.values())
    elif isinstance(value, tuple | frozenset | list | set):
        yield from value
    elif isinstance(value, types.FunctionType) and value.__module__ == home:
        yield from (cell.cell_contents for cell in value.__closure__ or ())
    elif isinstance(value, types.MethodType | types.BuiltinMethodType):
        yield value.__self__


def _frozen(value: Any) -> bool:
    """Tell if it is a dataclass that does not change, or one of pydantic's."""
    parameters = getattr(value, "__dataclass_params__", None)
    config = getattr(value, "model_config", {})
    return bool((parameters and parameters.frozen) or config.get("frozen"))
