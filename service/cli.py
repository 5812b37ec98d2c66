"""The `conveyor` command: `conveyor serve`, beside the model's own commands."""

import signal
import socket
import sys
from typing import Any

import typer
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from model import artifact
from model.classifier import use_threads
from model.cli import app
from model.errors import ModelError
from model.flags import with_flags, wrong_flag
from service.app import create_app
from service.logs import configure_logging
from service.settings import Settings

EXAMPLE = '{"inputs": ["A wonderful, moving film.", "Dull and far too long."]}'


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator."""


def main() -> None:
    """Run the command line; every foreseeable failure is one sentence and a non-zero exit."""
    try:
        app()
    except (ModelError, StartError) as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
    else:
        return
    typer.echo(f"conveyor: {sentence}", err=True)
    sys.exit(1)


@app.command()
@with_flags(Settings)
def serve(**flags: Any) -> None:  # noqa: ANN401 - as the settings are
    """Serve a model over HTTP.

    Every option can also be set by an environment variable, CONVEYOR_PORT for --port; a flag wins.
    """
    try:
        settings = Settings(**flags)
    except ValidationError as error:
        raise StartError(wrong_flag(error, flags, prefix="CONVEYOR_")) from None
    configure_logging(settings.log_level, settings.log_format)
    if settings.threads:
        use_threads(settings.threads)
    loaded = artifact.load(settings.model)
    listener = _listen(settings.host, settings.port)
    server = _Server(create_app(settings, loaded), listener, loaded.name, settings.shutdown_seconds)
    # Uvicorn, once it has shut down, hands the signal on to whoever had it before: to nobody.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn, saying where it is and how to try it once it really answers."""

    def __init__(
        self, application: ASGIApp, listener: socket.socket, model: str, grace: int
    ) -> None:
        config = uvicorn.Config(
            application, log_config=None, access_log=False, timeout_graceful_shutdown=grace
        )
        super().__init__(config)
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.model = model

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        typer.echo(f"Conveyor serves {self.model} at {self.url} - Ctrl-C stops it. Try:")
        typer.echo(f"curl -s {self.url}/predict -H 'content-type: application/json' -d '{EXAMPLE}'")


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


if __name__ == "__main__":
    main()
