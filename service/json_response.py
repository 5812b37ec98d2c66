"""JSON by orjson, which writes numpy arrays as they are and a NaN as null."""

from typing import Any

import orjson
from starlette.responses import Response


def dumps(content: Any) -> bytes:  # noqa: ANN401 - whatever orjson can write
    """Write the content as JSON."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


class JSONResponse(Response):
    """An answer that is JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - whatever orjson can write
        """Write the content."""
        return dumps(content)
