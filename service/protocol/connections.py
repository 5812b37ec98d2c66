"""All connections of a process, with limits on their number and on what waits to be sent.

Only requests count against `--max-connections`. Connections without one cost a file and some
kilobytes, so there may be more of them; beyond that, whichever has been idle for the longest makes
room for the newcomer, who may have something to ask.
"""

import contextlib
import logging
import math
import sys
from pathlib import Path
from typing import Protocol

if sys.platform != "win32":
    import resource

logger = logging.getLogger("conveyor.connections")

# Connections that are kept open, for each request that may be under way.
OPEN_PER_REQUEST = 4

# Files that the service opens itself, beside connections: models, logs, metrics, libraries.
OWN_FILES = 64

# Of the other files, the part that connections may take. The rest is for those that come in one
# turn of the event loop, before it can close any.
CONNECTIONS_SHARE = 0.75

# Connections that may wait to be accepted. They come in one turn of the event loop, so their files
# have to be there; where files are many, it is what the kernel allows by default, and no more.
MAX_WAITING = 2048

# Answers of the largest size that may wait to be sent at a time, on all connections together.
UNSENT_ANSWERS = 2


class Connection(Protocol):
    """One connection, as far as all of them are concerned."""

    @property
    def unsent(self) -> int:
        """The bytes of answers that wait for the caller to take them."""

    def abort(self) -> None:
        """Close it now."""


class Connections:
    """The open connections of a process.

    ``most`` may be open, of which ``max_requests`` may have a request. ``max_unsent`` bytes may
    wait on those that do not take their answers as fast as they are written.
    """

    def __init__(self, most: int, max_requests: int, max_unsent: int) -> None:
        # Some are left over: a caller who finds all busy is to be told so.
        self.max_requests = max(1, min(max_requests, most * 9 // 10))
        self._most = most
        self._max_unsent = max_unsent
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # for the longest time first
        self._sending: dict[Connection, None] = {}  # for the longest time first
        self._told = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Add a new connection; an idle one is closed for it if there are too many."""
        self._open.add(connection)
        self._idle[connection] = None
        if len(self._open) > self._most:
            if not self._told:
                self._told = True
                logger.warning(
                    "More than %s connections: from now on, idle ones are closed for new ones",
                    f"{self._most:,}",
                )
            oldest = next(iter(self._idle))
            self.discard(oldest)
            oldest.abort()

    def discard(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._sending.pop(connection, None)

    def busy(self, connection: Connection) -> None:
        """Note that a connection has a request."""
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """Note that a connection has none any more."""
        if connection in self._open:
            self._idle[connection] = None

    def sending(self, connection: Connection) -> None:
        """Note an answer that waits for its caller; those that wait for longer may be given up."""
        self._sending.setdefault(connection)
        unsent = sum(each.unsent for each in self._sending)
        for each in list(self._sending):
            if unsent <= self._max_unsent or each is connection:
                break
            unsent -= each.unsent
            self.discard(each)
            logger.warning("An answer was given up: more than may wait was not taken by callers")
            each.abort()

    def sent(self, connection: Connection) -> None:
        """Note that it has been taken, all but a little."""
        self._sending.pop(connection, None)


def backlog(most: int) -> int:
    """Choose how many connections may wait to be accepted, where so many may be open."""
    return max(1, min(MAX_WAITING, int(most * (1 - CONNECTIONS_SHARE) / 2)))


def max_open(max_requests: int) -> int:
    """Choose how many connections may be open, if so many may have a request.

    The limit on files is raised first, as far as it may be and is needed.
    """
    wanted = max_requests * OPEN_PER_REQUEST
    if sys.platform == "win32":  # whose sockets are no files
        return wanted
    own = OWN_FILES + len(list(Path("/dev/fd").iterdir()))
    needed = math.ceil(wanted / CONNECTIONS_SHARE) + own
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError):  # macOS grants less than its hard limit says
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(1, min(wanted, int((soft - own) * CONNECTIONS_SHARE)))
    if allowed < wanted:
        logger.warning(
            "At most %s connections are kept open, not %s: this process may open %s files "
            "(ulimit -n)",
            f"{allowed:,}",
            f"{wanted:,}",
            f"{soft:,}",
        )
    return allowed
