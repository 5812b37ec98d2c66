"""From a Keras model: its configuration says what it computes, and Keras runs it for the proof.

The layers are called from the token ids to the scores, on symbolic values. One that an artifact
cannot do is refused by its name and class.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from conveyor.model.convert.keras.graph import output_of
from conveyor.model.convert.keras.layers import LayerReader
from conveyor.model.convert.keras.options import check_classes
from conveyor.model.convert.keras.runner import runner
from conveyor.model.convert.keras.values import Scores
from conveyor.model.convert.keras.weights import Weights
from conveyor.model.convert.source import Hints, Source
from conveyor.model.errors import ConversionError
from conveyor.model.extras import install_command

if TYPE_CHECKING:  # it needs h5py, an optional extra
    from conveyor.model.convert.keras.file import KerasFile


def read_keras(path: Path, hints: Hints) -> Source:
    """Read the network of a .keras file, or of a whole-model .h5.

    Raises ConversionError with one sentence.
    """
    hints.refuse(path)
    try:
        from conveyor.model.convert.keras.file import opened  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConversionError(
            f"{path} needs the h5py library: {install_command('convert')}."
        ) from None
    try:
        with opened(path) as file:
            reader = LayerReader(Weights(file))
            scores = _scores(file, reader)
            check_classes(file.config["config"])
        return _source(path, reader, scores)
    except ConversionError as error:
        raise ConversionError(f"{path} cannot be converted: {error}.") from None


def _scores(file: "KerasFile", reader: LayerReader) -> Scores:
    """Read all layers of a model, and return its output: the labels' scores."""
    output = output_of(file.config, reader.call)
    if not reader.layers:
        raise ConversionError("it has no LSTM layer, and there is nothing else to convert")
    if not isinstance(output, Scores):
        raise ConversionError("it does not end in a Dense layer that gives the labels' scores")
    return output


def _source(path: Path, reader: LayerReader, scores: Scores) -> Source:
    run = runner(path, reader.shape[0] or 1, reader.notes)
    weights, shape = reader.network().to_state_dict()
    return Source(
        framework="Keras",
        weights=weights,
        shape=shape,
        mapping=reader.weights.mapping,
        run=run,
        output_kind=scores.kind,
        notes=reader.notes,
        steps=reader.shape[1],
        skips=reader.skips,
    )
