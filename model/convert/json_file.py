"""A JSON file of somebody else's."""

import json
from pathlib import Path

from model.errors import ConversionError


def read_json(path: Path) -> object:
    """What a JSON file holds. Raises ConversionError."""
    try:
        found: object = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is not JSON: {error}.") from None
    return found
