"""Pages of other origins: who may call the service from a browser (CORS, the Fetch standard)."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from service.errors import Forbidden, response
from service.origins import ANY, origins


class CORS(CORSMiddleware):
    """Starlette's, whose refusals have the error body that all others have."""

    def __init__(self, app: ASGIApp, listed: str) -> None:
        super().__init__(
            app,
            allow_origins=origins(listed),
            allow_methods=[ANY],
            allow_headers=[ANY],
            expose_headers=[ANY],
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser is told that asks beforehand."""
        preflight = super().preflight_response(request_headers)
        if preflight.status_code == HTTPStatus.OK:
            return preflight
        refusal = response(
            Forbidden(
                f"Pages of the origin {request_headers['origin'][:60]!a} may not do this: "
                "the service allows it to those that --cors-origins names."
            )
        )
        refusal.headers.update(self.preflight_headers)
        return refusal
