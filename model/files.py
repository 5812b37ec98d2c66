"""Files: reading a regular one of a bounded size without waiting, and writing one whole."""

import contextlib
import errno
import os
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most ``most`` bytes.

    Raises OSError, whose ``strerror`` says what is wrong: also of what is no regular file, such as
    a pipe, which might never say anything, or a device, which might never end.
    """
    check_regular(path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        # What the name stands for may have changed since.
        size = _checked(os.fstat(descriptor), path)
        if size > most:
            raise _too_large(size, most, path)
        try:
            content = file.read(size + 1)
        except MemoryError:
            raise OSError(
                errno.ENOMEM, f"its {size:,} bytes do not fit into memory", path
            ) from None
    if len(content) > size:
        raise OSError(errno.EAGAIN, "it grows while it is read", path)
    return content


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, even if the power fails in between. Raises OSError."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def name_of(path: Path) -> str:
    """Return the last part of a path as Unicode, which it need not be."""
    return as_unicode(path.resolve().name)


def as_unicode(text: str | Path) -> str:
    """Decode a path, or an argument of the command, with U+FFFD for bytes that are no UTF-8.

    Python has lone surrogates for them, which can be neither written nor sent.
    """
    return os.fsencode(text).decode(errors="replace")


def check_regular(path: Path) -> int:
    """Return the size of a regular file, in bytes, without opening it. Raises OSError."""
    return _checked(path.stat(), path)


def _checked(status: os.stat_result, path: Path) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file but a pipe, a socket or a device", path)
    return status.st_size


def _too_large(size: int, most: int, path: Path) -> OSError:
    return OSError(
        errno.EFBIG, f"it has {size:,} bytes, and no more than {most:,} are read here", path
    )
