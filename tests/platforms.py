"""macOS and Windows, as far as Linux can pretend to be them: what they lack is taken away.

What that is, typeshed tells, which mypy brings: its stubs have the names of each platform.
"""

import ast
import asyncio
import contextlib
import importlib
import pkgutil
import re
import selectors
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import mypy

STUBS = Path(mypy.__file__).parent / "typeshed" / "stdlib"

# Modules of which a platform may have a part. What is none of its modules cannot be imported.
PARTS = ("errno", "mmap", "multiprocessing.context", "os", "select", "signal", "socket", "time")

# Where Linux tells of itself, and where it lists a process's files, as macOS does.
HIDDEN = {"darwin": ("/proc", "/sys"), "win32": ("/proc", "/sys", "/dev/fd")}


def pretend(platform: str) -> None:
    """Turn this process into one of "darwin" or "win32", which has imported all of Conveyor."""
    # The libraries stay as they are: those for other platforms are not here.
    names = _importable()
    if platform == "win32":  # which has none of Linux's kinds
        socket.socketpair = partial(socket.socketpair, socket.AF_UNIX)
    for name in [name for name in sys.modules if name.partition(".")[0] == "conveyor"]:
        del sys.modules[name]
    for name in PARTS:
        for lacking in names_of(name, "linux") - names_of(name, platform):
            vars(sys.modules[name]).pop(lacking, None)
    _forget_signals()
    for module in lacking_modules(platform):
        sys.modules[module] = None  # type: ignore[assignment]
    sys.addaudithook(lambda event, given: _hide(HIDDEN[platform], event, given))
    if platform == "win32":
        asyncio.ProactorEventLoop = ProactorEventLoop  # type: ignore[attr-defined]
    sys.platform = platform
    for name in names:
        importlib.import_module(name)


def lacking_modules(platform: str) -> list[str]:
    """List the modules of Linux and its libraries that a platform has not."""
    stubs = [path.stem for path in STUBS.glob("*.pyi") if "sys.platform" in path.read_text("utf-8")]
    lacking = [name for name in stubs if names_of(name, "linux") and not names_of(name, platform)]
    return [*lacking, *(["uvloop"] if platform == "win32" else [])]


def names_of(module: str, platform: str) -> set[str]:
    """List the public names that a module of the standard library has on a platform."""
    stub = STUBS / module.replace(".", "/")
    path = stub / "__init__.pyi" if stub.is_dir() else stub.with_suffix(".pyi")
    given = SimpleNamespace(platform=platform, version_info=sys.version_info)
    names = _names(ast.parse(path.read_text("utf-8")).body, given)
    return {name for name in names if not name.startswith("_")}


def _names(statements: Iterable[ast.stmt], given: SimpleNamespace) -> Iterator[str]:
    for each in statements:
        match each:
            case ast.If():
                test = eval(compile(ast.Expression(each.test), "", "eval"), {"sys": given})
                yield from _names(each.body if test else each.orelse, given)
            case ast.FunctionDef() | ast.ClassDef():
                yield each.name
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.ImportFrom(module=str(module)) if re.match("_(?!typeshed)", module):
                yield from (alias.name for alias in each.names)


def _importable() -> list[str]:
    """Import all modules of Conveyor but those whose libraries are not installed."""
    package = importlib.import_module("conveyor")
    found = []
    for module in pkgutil.walk_packages(package.__path__, "conveyor."):
        with contextlib.suppress(ModuleNotFoundError):
            found.append(importlib.import_module(module.name).__name__)
    return found


def _forget_signals() -> None:
    """Let the signals be those that have names now."""
    for name, number in list(signal.Signals.__members__.items()):
        if not hasattr(signal, name):
            signal.Signals._member_map_.pop(name)
            if number.name == name:
                signal.Signals._member_names_.remove(name)
                signal.Signals._value2member_map_.pop(number.value)
    known = set(signal.Signals)
    signal.valid_signals = lambda: known


def _hide(hidden: tuple[str, ...], event: str, given: tuple[Any, ...]) -> None:
    """Raise FileNotFoundError where a file or directory is opened that another system has not."""
    if event in {"open", "os.listdir", "os.scandir"} and str(given[0]).startswith(hidden):
        raise FileNotFoundError(2, "No such file or directory", given[0])


def _cannot(*_: object) -> NoReturn:
    raise NotImplementedError


class ProactorEventLoop(asyncio.SelectorEventLoop):
    """Windows' event loop, as far as it cannot do what others can."""

    add_signal_handler: Any = _cannot
    add_reader: Any = _cannot
    add_writer: Any = _cannot

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())  # Linux's own need what is gone
