"""GET / and /inspector/...: the page on which people look inside the model, and its files."""

import hashlib
import importlib.resources
import mimetypes
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import PurePath

from fastapi import APIRouter, Request, Response

from conveyor.service.errors import NotFound

FILES = importlib.resources.files("conveyor.service") / "inspector"
PAGE = "index.html"

# By name, as the tables of some systems call scripts plain text, which browsers do not run.
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    "": "text/plain",  # LICENSE
}

# The page loads from this server alone, runs no script that does not lie here, and is in no frame.
# Drawings that are downloaded are `blob:` and `data:` before they are files.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    # Kept, but asked for every time: after an upgrade no module meets one of another version.
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True)
class File:
    """A file as it is sent; the tag is made of its content, which alone tells versions apart."""

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def read(cls, path: Traversable) -> "File":
        """Read the file at a path."""
        content = path.read_bytes()
        known = TYPES.get(PurePath(path.name).suffix)
        kind = known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def answer(self, request: Request) -> Response:
        """Answer with the file, or with 304 if the caller has it already."""
        headers = HEADERS | {"etag": self.tag}
        known = request.headers.get("if-none-match", "")
        # A proxy that compresses weakens the tag.
        if self.tag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def router() -> APIRouter:
    """Make the page's routes. Its files are read once: they are few and small."""
    files = dict(_files(FILES))
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return files[PAGE].answer(request)

    @routes.api_route("/inspector/{name:path}", methods=["GET", "HEAD"])
    async def file(name: str, request: Request) -> Response:
        if name not in files:
            raise NotFound(f"The page has no file {name[:60]!r}. It begins at GET /.")
        return files[name].answer(request)

    return routes


def _files(directory: Traversable, prefix: str = "") -> list[tuple[str, File]]:
    """Read all files of a directory and those below it, with their paths in it."""
    found = []
    for path in directory.iterdir():
        if path.is_dir():
            found += _files(path, f"{prefix}{path.name}/")
        else:
            found.append((prefix + path.name, File.read(path)))
    return found
