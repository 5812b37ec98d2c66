"""Text files and JSON files from elsewhere, read up to a size."""

import json
from pathlib import Path

from conveyor.model.errors import ConversionError
from conveyor.model.files import read_bytes

# A limit for tokenizers, vocabularies and configs: several times as large as any that is known.
MOST_BYTES = 2**28


def read_text(path: Path) -> str:
    """Read a text file in UTF-8. Raises ConversionError."""
    try:
        return read_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConversionError(f"{path} is not text in UTF-8.") from None
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from None


def read_json(path: Path) -> object:
    """Read a JSON file. Raises ConversionError."""
    try:
        found: object = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is not JSON: {error}.") from None
    return found
