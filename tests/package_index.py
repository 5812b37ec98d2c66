"""Stand-ins for package indexes, which have what is installed here as wheels."""

import html
import importlib.metadata
import os
import re
import select
import shutil
import socket
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

import trustme

# What an installation adds to a wheel's files.
INSTALLED = {"INSTALLER", "REQUESTED", "direct_url.json", "RECORD"}


class PackageIndex:
    """An index as PEP 503 and PEP 658 describe it, under any path: `.../NAME/`, `.../NAME/WHEEL`.

    It has the wheels of a directory and, packed when they are first asked for, the distributions of
    this environment; of all these, those that ``offers`` accepts. ``requests`` are the paths that
    were asked for.
    """

    def __init__(self, directory: Path, offers: Callable[[str], bool] = lambda _: True) -> None:
        self._directory = directory
        self.offers = offers
        self._lock = threading.Lock()
        self.requests: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a GET."""
        self.requests.append(request.path)
        last = unquote(PurePosixPath(request.path).name)
        if last.endswith((".whl", ".whl.metadata")):
            content: bytes | Path = self._directory / last
        elif not self.offers(last) or (wheel := self._wheel(last)) is None:
            request.send_error(404)
            return
        else:
            name = wheel.name
            link = f'<a href="{quote(name)}" data-core-metadata="true">{html.escape(name)}</a>'
            content = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
        send(request, content)

    def _wheel(self, name: str) -> Path | None:
        with self._lock:
            if known := sorted(self._directory.glob(f"{name}-*.whl")):
                return known[0]
            try:
                return pack(importlib.metadata.distribution(name), self._directory)
            except importlib.metadata.PackageNotFoundError:
                return None


def send(request: BaseHTTPRequestHandler, content: bytes | Path) -> None:
    """Answer with bytes, as a page, or with a file."""
    request.send_response(200)
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    request.send_header("content-length", str(size))
    kind = "text/html" if isinstance(content, bytes) else "application/octet-stream"
    request.send_header("content-type", kind)
    request.end_headers()
    if isinstance(content, bytes):
        request.wfile.write(content)
    else:
        with content.open("rb") as file:
            shutil.copyfileobj(file, request.wfile, 2**20)


def pack(found: importlib.metadata.Distribution, directory: Path) -> Path:
    """Make a wheel of an installed distribution, and its metadata beside it, unless it is there."""
    stem = f"{re.sub(r'[-_.]+', '_', found.metadata['Name'])}-{found.version}"
    tags = re.findall(r"^Tag: (.+?)-(.+?)-(.+)$", found.read_text("WHEEL") or "", re.MULTILINE)
    parts = (".".join(sorted(set(part))) for part in zip(*tags, strict=True))
    wheel = directory / f"{stem}-{'-'.join(parts)}.whl"
    if wheel.exists():
        return wheel
    written = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for inside, path in contents(found, stem):
            archive.write(path, inside)
            written.append(f"{inside},,\n")
        record = next(name for name in written if "/WHEEL," in name).replace(
            "/WHEEL,,", "/RECORD,,"
        )
        archive.writestr(record.split(",")[0], "".join([*written, record]))
    wheel.with_name(f"{wheel.name}.metadata").write_text(found.read_text("METADATA") or "")
    return wheel


def contents(found: importlib.metadata.Distribution, stem: str) -> Iterator[tuple[str, Path]]:
    """Yield the names in a wheel, and the paths, of a distribution's files."""
    made = {point.name for point in found.entry_points if point.group == "console_scripts"}
    for file in found.files or ():
        path = Path(str(file.locate()))
        if "__pycache__" in file.parts or file.name in INSTALLED:
            continue
        if file.parts[0] != "..":
            yield str(file), path
        elif file.parent.name == "bin" and file.name not in made:
            yield f"{stem}.data/scripts/{file.name}", path


def environment(home: Path, address: str, proxy: str, certificate: Path) -> dict[str, str]:
    """Write the variables by which pip and uv have empty caches and reach nothing but these."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": address,
        "HTTPS_PROXY": proxy,
        "NO_PROXY": "127.0.0.1",
        "SSL_CERT_FILE": str(certificate),
        "UV_HTTP_RETRIES": "0",
    }


class Server(ThreadingHTTPServer):
    """Answers what `handle` is told to, until the callers are gone."""

    def handle_error(self, *_: object) -> None:
        """Do nothing: whoever asked is gone."""


@contextmanager
def serving(index: PackageIndex) -> Iterator[str]:
    """Serve an index over HTTP; yields its address."""
    with listening(requests_to(index)) as port:
        yield f"http://127.0.0.1:{port}/simple"


@contextmanager
def proxying(
    index: PackageIndex, certificate: Path, host: str = "127.0.0.1", *, only: str = ""
) -> Iterator[str]:
    """Run a proxy, behind which this index answers for hosts with ``only`` in their names.

    Yields its address, and writes the ``certificate`` of the authority that a client has to trust.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(certificate)

    class Tunnel(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            name, _, port = self.path.partition(":")
            self.send_response(200)
            self.end_headers()
            if only not in name:
                with socket.create_connection((name, int(port))) as there:
                    relay(self.connection, there)
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name).configure_cert(context)
            with context.wrap_socket(self.connection, server_side=True) as inside:
                requests_to(index)(inside, self.client_address, self.server)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with listening(Tunnel, host) as port:
        yield f"http://{host}:{port}"


def relay(here: socket.socket, there: socket.socket) -> None:
    """Pass on bytes in both directions, until one side has no more."""
    other = {here: there, there: here}
    while True:
        for ready in select.select(list(other), [], [])[0]:
            if not (received := ready.recv(2**16)):
                return
            other[ready].sendall(received)


def requests_to(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    """Make what handles a connection's request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1") -> Iterator[int]:
    """Run a server of these handlers; yields its port."""
    with Server((host, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
