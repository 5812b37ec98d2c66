"""The memory that the workers of one parent share: which are ready, what each has counted.

It is memory that no path leads to (memfd_create). Files could be cleaned away, and a full disk
beneath a mapped file ends whoever writes to it with SIGBUS.
"""

import json
import math
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from prometheus_client.mmap_dict import MmapedDict

GAUGE = "gauge"


class Scoreboard:
    """Memory in which the parent notes the ready workers, and workers, who inherit it, count.

    Each worker has a place, and whoever comes after it goes on from its counts: a worker that is
    killed takes none with it.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._values = [os.memfd_create("conveyor", os.MFD_CLOEXEC) for _ in range(places)]
        self._memory = mmap.mmap(-1, mmap.PAGESIZE * math.ceil(places * 4 / mmap.PAGESIZE))
        self._pids = memoryview(self._memory).cast("i")
        self._opened: list[MmapedDict] = []

    def close(self) -> None:
        """Let go of the memory."""
        for values in self._opened:
            values.close()  # type: ignore[no-untyped-call]
        self._pids.release()
        self._memory.close()
        for file in self._values:
            os.close(file)

    def enter(self, place: int, pid: int) -> None:
        """Note that the worker in this place is ready."""
        self._pids[place] = pid

    def leave(self, place: int) -> None:
        """Note that the worker in this place is gone."""
        self._pids[place] = 0

    @property
    def wanted(self) -> int:
        """The number of workers that there should be."""
        return self._places

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that are ready."""
        return [pid for pid in self._pids[: self._places] if pid]

    def values(self) -> Iterator[tuple[str, float]]:
        """Read the keys and values of all workers; of gauges, only those of ready workers."""
        for place, file in enumerate(self._values):
            if os.fstat(file).st_size == 0:  # this worker has counted nothing yet
                continue
            for key, value, *_ in MmapedDict.read_all_values_from_file(_path(file)):  # type: ignore[no-untyped-call]
                if not _is_gauge(key) or (self._pids[place] and not math.isnan(value)):
                    yield key, value

    def open(self, place: int) -> MmapedDict:
        """Open a worker's own values."""
        values = MmapedDict(_path(self._values[place]))  # type: ignore[no-untyped-call]
        self._opened.append(values)
        return values


@dataclass(frozen=True)
class Slot:
    """A worker's place on the scoreboard."""

    scoreboard: Scoreboard
    place: int

    def value_class(self) -> type:
        """Make a class of values for prometheus_client that are kept on the scoreboard.

        The library's own has a directory of files, and forgets nobody who has ever been there.
        """
        values = self.scoreboard.open(self.place)
        lock = Lock()
        for key, *_ in list(values.read_all_values()):  # type: ignore[no-untyped-call]
            if _is_gauge(key):  # what is so now, and not what a predecessor left
                values.write_value(key, math.nan, 0)  # type: ignore[no-untyped-call]

        class Value:
            """A number of one worker; the memory has its predecessors' counts in it, too."""

            def __init__(
                self,
                typ: str,
                family: str,
                name: str,
                labelnames: Iterable[str],
                labelvalues: Iterable[str],
                text: str,
                multiprocess_mode: str = "",
                **_: Any,  # noqa: ANN401 - of no meaning here
            ) -> None:
                labels = dict(zip(labelnames, labelvalues, strict=True))
                self._key = json.dumps([typ, multiprocess_mode, family, name, labels, text])
                with lock:
                    before, _ = values.read_value(self._key)  # type: ignore[no-untyped-call]
                    self._before = 0.0 if typ == GAUGE else before
                    self._value = 0.0
                    self._write()

            def _write(self) -> None:
                values.write_value(self._key, self._before + self._value, 0)  # type: ignore[no-untyped-call]

            def inc(self, amount: float) -> None:
                with lock:
                    self._value += amount
                    self._write()

            def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002
                with lock:
                    self._value = value
                    self._write()

            def get(self) -> float:
                with lock:
                    return self._value

            def set_exemplar(self, exemplar: object) -> None:
                """Do nothing: there are none."""

            def get_exemplar(self) -> None:
                """Do nothing: there are none."""

        return Value


def _path(file: int) -> str:
    return f"/proc/self/fd/{file}"


def _is_gauge(key: str) -> bool:
    return key.startswith(f'["{GAUGE}"')
