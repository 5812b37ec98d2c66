"""A state as a text: where a network stopped reading, for a caller to send back with what follows.

The text is opaque to its bearer, and bound to the artifact that it comes from: another model's, a
shortened or an altered one is told from a good one, and refused with the reason.
"""

import base64
import binascii
import math
import struct
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from conveyor.model.network.config import ModelConfig
from conveyor.model.network.state import State

FORMAT = 1
DIGEST_BYTES = 16

# Format, SHA-256 of the artifact, number of tokens read.
_HEADER = struct.Struct("<B32sq")


class StateTokenError(Exception):
    """No state can be read from a token; the text is a clause, to be put behind its name."""


def to_token(state: State, sha256: str) -> str:
    """Write a state in URL-safe base64, bound to the artifact with this hash."""
    payload = _HEADER.pack(FORMAT, bytes.fromhex(sha256), state.tokens) + b"".join(
        array.astype(array.dtype.newbyteorder("<")).tobytes() for array in state.arrays
    )
    return base64.urlsafe_b64encode(payload + _digest(payload)).decode()


def from_token(token: str, config: ModelConfig, sha256: str) -> State:
    """Read a state that `to_token` has written. Raises StateTokenError."""
    length = token_length(config)
    payload = _payload(token, length)
    version, artifact, tokens = _HEADER.unpack_from(payload)
    if version != FORMAT:
        raise StateTokenError(f"is of format {version}, but this server reads format {FORMAT}")
    if artifact.hex() != sha256:
        raise StateTokenError(
            f"belongs to the model with the hash {artifact.hex()[:12]}..., but this server "
            f"serves {sha256[:12]}..."
        )
    if len(token) != length:
        raise StateTokenError("was altered. Send it back as it was received")
    state = State.initial(config)
    offset = _HEADER.size
    for array in state.arrays:
        kind = array.dtype.newbyteorder("<")
        array[...] = np.frombuffer(payload, kind, array.size, offset).reshape(array.shape)
        offset += array.nbytes
    state = replace(state, tokens=tokens)
    # The digest is no secret: whoever wants to can make a token of other numbers.
    if not state.possible:
        raise StateTokenError("holds numbers to which no text leads")
    return state


def token_length(config: ModelConfig) -> int:
    """Count the characters of a token of this model."""
    arrays = State.initial(config).arrays
    size = _HEADER.size + sum(array.nbytes for array in arrays) + DIGEST_BYTES
    return 4 * math.ceil(size / 3)


def _payload(token: str, length: int) -> bytes:
    """Decode the bytes in a token. Raises StateTokenError unless they are whole and unaltered."""
    try:
        content = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        content = b""
    payload, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if len(payload) >= _HEADER.size and digest == _digest(payload):
        return payload
    if len(token) < length:
        raise StateTokenError(
            f"is cut short: it has {len(token):,} characters, but this model's have {length:,}"
        )
    raise StateTokenError("was altered. Send it back as it was received")


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=DIGEST_BYTES).digest()
