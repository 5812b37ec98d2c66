"""A file that is written piece by piece, and can be gone on with wherever the writing ended.

``OUT.partial`` holds what is written, ``OUT.progress`` how much of that counts, and of which run it
is. Both begin with the first piece: what is refused before leaves nothing behind. A piece counts
once it is on the disk; what a broken run has written beyond that is cut off. In the end the file
takes its name, so that half of it never looks whole.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from conveyor.model.data.pipes import write_watched
from conveyor.model.errors import PredictionError, describe
from conveyor.model.files import read_bytes, write_atomically

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: there, two runs at once go unnoticed
    fcntl = None  # type: ignore[assignment]


# Of the note of how far a run is.
MARK_BYTES = 2**20


class Run(BaseModel):
    """All that decides what is written, beside the rows that are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str  # the artifact's hash
    input_format: str
    output_format: str
    text_column: str | None
    prefix: str
    all_scores: bool

    def difference(self, other: "Run") -> str | None:
        """Tell what two runs differ in, for people; None if in nothing."""
        names = {
            "model": "model",
            "input_format": "kind of input",
            "output_format": "kind of output",
            "text_column": "--text-column",
            "prefix": "--prefix",
            "all_scores": "--scores",
        }
        differing = [
            what for name, what in names.items() if getattr(self, name) != getattr(other, name)
        ]
        return ", ".join(differing) or None


class Mark(BaseModel):
    """The progress of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Run
    rows: int = 0  # of the input, bad ones too
    skipped: int = 0  # how many of them were bad
    size: int = 0  # of the output, in bytes
    digest: str = ""  # of the rows that were read
    finished: bool = False


class Sink(Protocol):
    """A destination of labelled rows."""

    mark: Mark
    lasts: bool  # whether a run can go on with what is written

    def append(self, content: bytes, mark: Mark) -> None:
        """Write a piece. With it, a run is as far as the mark says, but for the size."""

    def finish(self) -> None:
        """Say that all is written."""


class Pipe:
    """Standard output: what is written is gone, and a run can only begin anew."""

    lasts = False

    def __init__(self, run: Run) -> None:
        self.mark = Mark(run=run)

    def append(self, content: bytes, mark: Mark) -> None:
        """Write a piece, now."""
        write_watched(sys.stdout.buffer, content)
        self.mark = _grown(mark, self.mark.size + len(content))

    def finish(self) -> None:
        """Do nothing: all is written."""


# Makes the whole file (the second) of the one that holds the pieces.
Assemble = Callable[[Path, Path], None]


class Partial:
    """A file in the making, open at its end. Made by `open_partial`."""

    lasts = True

    def __init__(self, out: Path, mark: Mark, assemble: Assemble | None) -> None:
        self._out = out
        self._file: BinaryIO | None = None
        self._assemble = assemble
        self.mark = mark

    def begin(self) -> BinaryIO:
        """Open the file behind what counts. Raises PredictionError, and OSError."""
        if self._file:
            return self._file
        if self._out.exists():
            raise _there_already(self._out)
        partial, progress = partial_of(self._out), progress_of(self._out)
        with contextlib.ExitStack() as closing:
            file = closing.enter_context(partial.open("r+b" if partial.exists() else "x+b"))
            _lock(file, partial, self._out)
            if file.seek(0, os.SEEK_END) < self.mark.size:
                raise PredictionError(
                    f"{partial} holds less than {progress.name} says: remove both to begin anew."
                )
            file.truncate(file.seek(self.mark.size))
            closing.pop_all()  # from here on it is this run's
        self._file = file
        return file

    def append(self, content: bytes, mark: Mark) -> None:
        """Write a piece to the disk, and then note it. Raises OSError."""
        file = self.begin()
        if not progress_of(self._out).exists():
            self._note(self.mark)  # else nobody would know what the file is
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        self._note(_grown(mark, self.mark.size + len(content)))

    def finish(self) -> None:
        """Give the file its name, and forget the run. Raises PredictionError, and OSError."""
        if self._out.exists():  # since the run began
            raise _there_already(self._out)
        whole = partial_of(self._out)
        if self._assemble:
            whole = assembled_of(self._out)
            self._assemble(partial_of(self._out), whole)
        file = self.begin()
        if fcntl is None:  # pragma: no cover - Windows: an open file cannot be renamed
            file.close()
        self._note(self.mark.model_copy(update={"finished": True}))
        whole.replace(self._out)
        _forget(self._out)
        file.close()  # and not before: the lock ends with it

    def close(self) -> None:
        """Leave what counts for the next run, and nothing if nothing does.

        What another run writes, which this one was refused for, is left alone.
        """
        if self._file is None:
            return
        if not self.mark.rows:
            with contextlib.suppress(OSError):
                _forget(self._out)
        self._file.close()

    def _note(self, mark: Mark) -> None:
        _note(progress_of(self._out), mark)
        self.mark = mark


@contextmanager
def open_partial(out: Path, run: Run, assemble: Assemble | None = None) -> Iterator[Partial]:
    """Begin to write a file, or go on where the same run has ended.

    Raises PredictionError if something else is in the way, and OSError.
    """
    partial, progress = partial_of(out), progress_of(out)
    mark = _noted(progress, run) if progress.exists() else None
    if out.exists():
        if mark is None or not mark.finished:
            raise _there_already(out)
        _forget(out)  # the run ended before it could do so
    elif mark and mark.finished:
        mark = mark.model_copy(update={"finished": False})  # it ended before the file had its name
    elif mark is None:
        _check_place(out)
        if partial.exists() and partial.stat().st_size:
            raise PredictionError(
                f"{partial} is there without {progress.name}, which would say what it is: "
                "choose another --out, or remove it."
            )
    sink = Partial(out, mark or Mark(run=run), assemble)
    try:
        if mark and not mark.finished:
            sink.begin()
        yield sink
    finally:
        sink.close()


def _check_place(out: Path) -> None:
    """Raise OSError if nothing can be written there, before anything is computed."""
    directory = out.parent
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{directory} is no directory", out)
    if not os.access(directory, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), out)


def _there_already(out: Path) -> PredictionError:
    return PredictionError(f"{out} is there already: choose another --out, or remove it.")


def _noted(progress: Path, run: Run) -> Mark:
    """Read how far the same run is; a run that has labelled nothing can be any."""
    try:
        mark = Mark.model_validate_json(read_bytes(progress, MARK_BYTES))
    except ValidationError as error:
        raise PredictionError(
            f"{progress} cannot be read ({describe(error)}): choose another --out, or "
            f"remove it and {partial_of(progress.with_suffix('')).name} to begin anew."
        ) from None
    if not (mark.rows or mark.finished):
        return Mark(run=run)
    if difference := mark.run.difference(run):
        raise PredictionError(
            f"{progress} belongs to a run with another {difference}: choose another --out, or "
            f"remove it and {partial_of(progress.with_suffix('')).name} to begin anew."
        )
    return mark


def _note(progress: Path, mark: Mark) -> None:
    write_atomically(progress, mark.model_dump_json(indent=2).encode() + b"\n")


def _grown(mark: Mark, size: int) -> Mark:
    return mark.model_copy(update={"size": size})


def _lock(file: BinaryIO, partial: Path, out: Path) -> None:
    """Lock out other runs. The lock ends with the process, however that ends."""
    if fcntl is None:  # pragma: no cover - see above
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PredictionError(
            f"Another run writes {out} just now: wait for it, or choose another --out."
        ) from None
    # That run may have ended since the file was opened, and given it another name.
    if not (partial.exists() and os.path.samestat(os.fstat(file.fileno()), partial.stat())):
        if out.exists():
            raise _there_already(out)
        raise PredictionError(f"Another run has just ended without rows in {out}: begin again.")


def _forget(out: Path) -> None:
    """Remove what a finished run has left. How far it is goes last: till then it is known."""
    assembled_of(out).unlink(missing_ok=True)
    partial_of(out).unlink(missing_ok=True)
    progress_of(out).unlink(missing_ok=True)


def partial_of(out: Path) -> Path:
    """Return the path at which a file is written before it is whole."""
    return out.with_name(f"{out.name}.partial")


def progress_of(out: Path) -> Path:
    """Return the path at which it is noted how far it is."""
    return out.with_name(f"{out.name}.progress")


def assembled_of(out: Path) -> Path:
    """Return the path at which a file is made of its pieces, if it is more than their sum."""
    return out.with_name(f"{out.name}.assembled")
