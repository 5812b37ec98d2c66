"""HEAD: answered on every path that answers GET, with its headers, no body (RFC 9110, 9.3.2)."""

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadMiddleware:
    """Lets the application answer HEAD as it would GET; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)
