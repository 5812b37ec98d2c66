"""Processes of the `conveyor` command that need not import PyTorch first, which takes seconds.

One process has imported all of it, and forks for each command: the new process gets the command's
arguments, environment, directory and standard streams, and is a child of the tests like any other.
Only where Linux can hand a child over; elsewhere, and for whatever has to hold from a process's
first moment on, `Conveyor` starts a process as usual.
"""

import ctypes
import gc
import importlib
import inspect
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, AnyStr, NoReturn, TextIO

COMMAND = [sys.executable, "-m", "conveyor.service.cli"]

# With what a command imports only once it needs it: PyTorch does so too, of itself.
MODULES = (
    "conveyor.model.cli.checkpointed",
    "conveyor.model.cli.label_file",
    "conveyor.model.cli.scores",
    "conveyor.model.cli.tables",
    "conveyor.model.convert.options",
    "conveyor.model.convert.convert",
    "conveyor.model.convert.samples",
    "conveyor.model.convert.supervision",
    "conveyor.model.data.soft_labels",
    "conveyor.model.training.preparation",
    "conveyor.model.training.pretrain",
    "conveyor.model.training.train",
    "conveyor.model.training.vectors",
    "conveyor.model.verification.check",
    "conveyor.service.cli",
    "conveyor.service.serve",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "torch._dynamo",
)

# What a process may be given after it has begun; what else differs is read while it begins.
LATE = ("CONVEYOR_", "COLUMNS", "PYTHONUNBUFFERED")

MOST_BYTES = 200_000  # of a request: arguments and environment

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Conveyor(subprocess.Popen[AnyStr]):
    """A running `conveyor`, from its arguments; else as `subprocess.Popen`.

    ``first`` is Python that the process runs before the command.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        first: str = "",
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._forked: bool = sys.platform == "linux" and _differ_late(env or os.environ)
        self._arguments: list[str] = [str(argument) for argument in arguments]
        self._first: str = first
        program = f"{first}\nfrom conveyor.service.cli import main\nmain()"
        command: list[str] = [sys.executable, "-c", program] if first else COMMAND
        super().__init__([*command, *self._arguments], env=env, **options)

    def _execute_child(self, *given: Any) -> None:
        """Start the process, for which `subprocess.Popen` has prepared all else."""
        start = super()._execute_child  # type: ignore[misc]
        named = inspect.signature(start).bind(*given).arguments
        if named["preexec_fn"] or not self._forked:
            start(*given)
            return
        request = {
            "arguments": self._arguments,
            "first": self._first,
            "environment": dict(named["env"] or os.environ),
            "directory": str(named["cwd"] or Path.cwd()),
        }
        streams = [named[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        own = [number if given == -1 else given for number, given in enumerate(streams)]
        self.pid = _server().start(request, own)
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(named[name] for name in pipes))  # type: ignore[attr-defined]


def close() -> None:
    """End the process that forks, if one was started."""
    with _lock:
        if _servers:
            _servers.pop().close()


class ForkServer:
    """The process that forks, as seen from the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        self._lock = threading.Lock()

    def start(self, request: Mapping[str, object], streams: list[int]) -> int:
        """Start a process; returns its number. It is a child of this process."""
        with self._lock:
            _adopt(orphans=True)
            socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
            answer = self._socket.recv(100)
            _adopt(orphans=False)
        assert answer, "the process that forks has ended"
        return int(answer)

    def close(self) -> None:
        self._socket.close()
        assert self._process.wait(timeout=300) == 0


_lock = threading.Lock()
_servers: list[ForkServer] = []


def _server() -> ForkServer:
    with _lock:
        if not _servers:
            _servers.append(ForkServer())
        return _servers[0]


def _differ_late(environment: Mapping[str, str]) -> bool:
    """Tell if an environment differs from ours only in what can be set later."""
    names = environment.keys() | os.environ.keys()
    differing = [name for name in names if environment.get(name) != os.environ.get(name)]
    return all(name.startswith(LATE) for name in differing)


def _adopt(*, orphans: bool) -> None:
    """Let this process get the children of its children that end, or no longer."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, int(orphans), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no process can be adopted here")


def main() -> None:
    """Fork for each request, until nobody can ask any more; in a fork, run the command."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    for module in MODULES:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else each process walks through all of it again at its end, for a second
    while True:
        request, streams, _, _ = socket.recv_fds(connection, MOST_BYTES, 3)
        if not request:
            return
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            _fork_again(writing, [connection.fileno(), reading], json.loads(request), streams)
        os.close(writing)
        for stream in streams:
            os.close(stream)
        os.waitpid(between, 0)
        connection.send(os.read(reading, 100))
        os.close(reading)


def _fork_again(
    tell: int, unneeded: list[int], request: dict[str, Any], streams: list[int]
) -> NoReturn:
    """Fork in a child of the forking process; it ends at once, so its own child is adopted."""
    process = os.fork()
    if process:
        os.write(tell, str(process).encode())
        os._exit(0)
    for end in (tell, *unneeded):
        os.close(end)
    first = request.pop("first")
    _become(streams, **request)
    exec(first, {})
    cli = sys.modules["conveyor.service.cli"]
    sys.modules["__main__"] = cli  # as its processes of its own expect it
    cli.main()
    sys.exit(0)


def _become(
    streams: list[int], arguments: list[str], environment: dict[str, str], directory: str
) -> None:
    """Be a process that has just begun."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["conveyor", *arguments]
    raw = bool(environment.get("PYTHONUNBUFFERED"))
    sys.stdin = _stream(0, "r", sys.stdin)
    sys.stdout = _stream(1, "w", sys.stdout, write_through=raw)
    sys.stderr = _stream(2, "w", sys.stderr, line_buffering=True)


def _stream(number: int, mode: str, like: TextIO, **options: Any) -> TextIO:
    stream = open(  # noqa: SIM115 - it lasts as long as the process
        number, mode, encoding=like.encoding, errors=like.errors, closefd=False
    )
    assert isinstance(stream, io.TextIOWrapper)
    stream.reconfigure(**options)
    return stream


if __name__ == "__main__":
    main()
