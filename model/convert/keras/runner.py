"""A Keras model run by Keras itself, to compare the converted one with."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from conveyor.model.arrays import Floats
from conveyor.model.errors import ConversionError


def runner(path: Path, batch: int, notes: list[str]) -> Callable[[list[list[int]]], Floats] | None:
    """Return a function that runs a model by Keras over PyTorch, on so many copies of each text.

    None where Keras is not installed or cannot load the file; the latter adds to ``notes``. To be
    called only with a file that has been read: it names no class that is not Keras's own.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")  # it is read when Keras is imported
    try:
        import keras  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # on masks, which change nothing here
            model = keras.saving.load_model(path.resolve(), compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001 - it has no base error of its own
        notes.append(f"Keras itself cannot load the file: {_first_line(error)}.")
        return None

    def run(texts: list[list[int]]) -> Floats:
        rows = []
        for ids in texts:
            try:
                given = model(np.repeat([ids], batch, axis=0), training=False)
            except Exception as error:  # noqa: BLE001 - see above
                raise ConversionError(
                    f"Keras cannot run a text of {len(ids)} tokens: {_first_line(error)}."
                ) from None
            rows.append(keras.ops.convert_to_numpy(given)[0])
        return np.stack(rows).astype(np.float32)

    return run


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
