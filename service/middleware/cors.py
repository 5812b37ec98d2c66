"""CORS: the origins whose pages may call the service from a browser (the Fetch standard)."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from conveyor.service.errors import Forbidden, response
from conveyor.service.origins import ANY, origins


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
        """Answer a preflight request."""
        preflight = super().preflight_response(request_headers)
        if preflight.status_code == HTTPStatus.OK:
            return preflight
        origin = request_headers["origin"]
        if self.is_allowed_origin(origin):
            sentence = (
                "A page may not call like this: this method is not allowed, or a public network's "
                "page calls into a private one."
            )
        else:
            sentence = (
                f"The origin {origin[:60]!a} is not allowed. "
                "List it in --cors-origins to allow its pages to call."
            )
        refusal = response(Forbidden(sentence))
        refusal.headers.update(self.preflight_headers)
        return refusal
