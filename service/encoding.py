"""From results to bytes: numbers go from numpy to JSON without a Python object in between."""

from typing import Any

import orjson
from starlette.responses import Response

# A float32 in its shortest exact form and a comma, e.g. "-0.12345679,": 11.7 bytes on average for
# the shipped model's states on 60 of its training reviews; the longest there had 17.
JSON_BYTES_PER_NUMBER = 12


class JSONResponse(Response):
    """JSON by orjson, which writes numpy arrays as they are and a NaN as null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - whatever orjson can write
        """Write the content as JSON."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
