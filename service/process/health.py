"""The health check of a container, which asks the server that runs in it.

It finds the server by what it listens on, as flags may have chosen another port or address than the
variables say. It imports nothing else of the service, as it is run every few seconds.
"""

import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PROC = Path("/proc")

# A listening socket in /proc/net/tcp (include/net/tcp_states.h of Linux).
LISTEN = "0A"

# How the command may have been called: by its name, or as `python -m conveyor.service.cli`.
PROGRAMS = frozenset({b"conveyor", b"conveyor.service.cli"})

SECONDS = 2


def check(path: str) -> None:
    """End with 0 if a server of this container answers 200 at this path, else with 1."""
    sys.exit(not any(_is_ok(*address, path) for address in addresses()))


def addresses() -> list[tuple[str, int]]:
    """List the addresses of this user's servers; without any, that of the variables."""
    listening = dict(_listening())
    found = {listening[file] for file in _sockets(_servers()) if file in listening}
    told = (os.environ.get("CONVEYOR_HOST", ""), int(os.environ.get("CONVEYOR_PORT") or 8000))
    return [(_reachable(host), port) for host, port in sorted(found or {told})]


def _servers() -> Iterator[Path]:
    """Find the processes of `conveyor serve`; workers have its socket, too."""
    for process in PROC.glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if b"serve" in command and PROGRAMS & {word.rpartition(b"/")[2] for word in command}:
            yield process


def _sockets(processes: Iterable[Path]) -> Iterator[str]:
    for process in processes:
        try:
            yield from [os.readlink(file) for file in (process / "fd").iterdir()]  # noqa: PTH115
        except OSError:  # it has ended, or is another user's
            continue


def _listening() -> Iterator[tuple[str, tuple[str, int]]]:
    """Read each listening socket, as a process has it among its files, and its address."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:  # this machine has no IPv6
            continue
        for line in lines:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTEN:
                host, _, port = local.partition(":")
                yield f"socket:[{inode}]", (_host(host), int(port, 16))


def _host(words: str) -> str:
    """Read an address as the system prints it: 32-bit words in its own byte order."""
    numbers = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    family = socket.AF_INET if len(numbers) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, struct.pack(f"={len(numbers)}I", *numbers))


def _reachable(host: str) -> str:
    """Replace the address of all networks by that of the loopback."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _is_ok(host: str, port: int, path: str) -> bool:
    connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
