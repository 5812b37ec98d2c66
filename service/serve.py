"""Serving: from settings to processes that answer requests, and the exit code they end with."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial

from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import use_threads
from conveyor.model.text.tokenizer import use_one_thread
from conveyor.service.app import create_app
from conveyor.service.failures import StartError, exit_with_sentence
from conveyor.service.middleware.api_keys import Keys
from conveyor.service.process.interpreter import freeze_gc, set_switch_interval
from conveyor.service.process.logs import logging_to_stderr, write
from conveyor.service.process.server import Server
from conveyor.service.process.signals import ignore_signals
from conveyor.service.process.workers import Workers
from conveyor.service.scoreboard import Slot
from conveyor.service.settings import Settings

STDOUT = 1

EXAMPLE = '{"inputs": ["A wonderful, moving film.", "Dull and far too long."]}'


def run(settings: Settings) -> int:
    """Serve until a signal comes, in this process or in workers; return the exit code.

    Raises StartError, NoKeys, ArtifactError and OSError.
    """
    _check_workers(settings.workers)
    ignore_signals()
    keys = Keys.from_settings(settings)
    listener = _listen(settings.host, settings.port)
    announce = partial(_announce, settings, listener)
    if settings.workers == 1:
        return _serve(settings, keys, listener, None, announce)
    work = partial(_serve_as_worker, settings, keys, listener)
    freeze_gc()  # in one place, for all workers
    with logging_to_stderr(settings.log_level, settings.log_format):
        return Workers(settings.workers, work).run(announce)


def _check_workers(count: int) -> None:
    """Raise StartError where several workers cannot be had.

    They are forked, which on macOS is not safe once PyTorch has been imported and which Windows
    does not have; and they count in memory that only Linux has (`scoreboard`).
    """
    if count > 1 and sys.platform != "linux":
        raise StartError(
            f"--workers {count} needs Linux: leave it at 1, and start several servers, each with a "
            "--port of its own, or use the container."
        )


def _serve(
    settings: Settings,
    keys: Keys | None,
    listener: socket.socket,
    slot: Slot | None,
    on_ready: Callable[[], None],
) -> int:
    """Serve in this process until a signal comes; return the exit code."""
    with logging_to_stderr(settings.log_level, settings.log_format) as log:
        # The model has its own thread, with helpers of its own. Were this one to have helpers too,
        # they would be more than there are cores, and OpenMP puts its threads to sleep between any
        # two steps then: predictions took four times as long (docs/performance.md).
        use_threads(1)
        # Nor does the tokenizer get more than its own thread: the other cores are the model's.
        use_one_thread()
        set_switch_interval()
        application = create_app(settings, storage.load(settings.model), keys, slot)
        freeze_gc()
        context = application.state.context
        log.on_drop = context.metrics.log_line_dropped
        server = Server(application, context.lifecycle, settings, on_ready)
        server.run(sockets=[listener])
        code = int(context.lifecycle.broken)
    if server.computing:
        # The time was over in the middle of a step. Python cannot end the thread that computes it,
        # and the process would be aborted if it took the interpreter away from under that.
        os._exit(code)
    return code


def _serve_as_worker(
    settings: Settings,
    keys: Keys | None,
    listener: socket.socket,
    slot: Slot,
    on_ready: Callable[[], None],
) -> None:
    with exit_with_sentence():
        sys.exit(_serve(settings, keys, listener, slot, on_ready))


def _announce(settings: Settings, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    name = settings.model.resolve().name
    text = (
        f"Conveyor serves {name} at {url} - Ctrl-C stops it. Try:\n"
        f"curl -s {url}/predict -H 'content-type: application/json' -d '{EXAMPLE}'\n"
    )
    # On a thread of its own, as nobody may be there to read it.
    threading.Thread(target=_print_announcement, args=(text,), daemon=True).start()


def _print_announcement(text: str) -> None:
    with contextlib.suppress(OSError):
        write(STDOUT, text)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no name of a host"
        raise StartError(
            f"Cannot listen on {host}, port {port}: {reason}. "
            "Choose another --host or --port; port 0 takes a free one."
        ) from None
