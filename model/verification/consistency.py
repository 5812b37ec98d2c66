"""Consistency of a network with its equations, alone and in a batch, whole and resumed.

Each function returns the largest difference that it finds: absolute, and where numbers are larger
than 1, relative to them.

Shapes in comments: T steps, X inputs of a layer, H units of one direction, W of all directions.
"""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from conveyor.model.inference.classifier import Classifier, LayerStates, Trace
from conveyor.model.network.cell import parameters
from conveyor.model.network.config import CellName, ModelConfig
from conveyor.model.network.lstm import cell_weights, lstm_step
from conveyor.model.network.rnn import rnn_step
from conveyor.model.network.selection import Selection
from conveyor.model.text.tokenizer import Encoding

# Enough texts for the steps of one batch to be computed in more than one block, and long enough to
# be read in more than one span (`lstm.BLOCK_ROWS`, `spans.LENGTHS`). Not longer: a cell state that
# counts steps may be off by the square of their number times float32's 6e-8, which is no fault.
TEXT_LENGTHS = range(1, 41, 3)


def random_texts(config: ModelConfig) -> list[Encoding]:
    """Make texts of random tokens, the same each time, of several lengths."""
    rng = random.Random(0)  # noqa: S311 - not a secret
    lengths = [min(length, config.max_tokens) for length in TEXT_LENGTHS]
    return [Encoding(rng.choices(range(config.vocab_size), k=length), []) for length in lengths]


def state_equations(classifier: Classifier, texts: Sequence[Encoding]) -> float:
    """Compare an LSTM's states with what the gates of their trace make of the states before.

    ``c_t = f_t * c_{t-1} + i_t * c̃_t`` and ``h_t = o_t * tanh(c_t)``.
    """
    differences = []
    for layer in (layer for trace in classifier.trace(texts) for layer in trace.layers):
        read = _in_reading_order(layer)
        c = read["forget_gate"] * _before(read["cell"])
        c += read["input_gate"] * read["candidate"]
        h = read["output_gate"] * np.tanh(read["cell"])
        differences += [_difference(read["cell"], c), _difference(read["hidden"], h)]
    return _largest(differences)


def reference(classifier: Classifier, texts: Sequence[Encoding]) -> float:
    """Compare states, gates and answers with the reference implementation's.

    That takes one step from each state of the trace, in double precision. So each step is compared
    for itself, and rounding errors do not add up, as they may in a network that is chaotic.
    """
    config, network, differences = classifier.config, classifier.network, []
    answers = classifier.predict(texts)
    for text, trace, answer in zip(texts, classifier.trace(texts), answers, strict=True):
        x = network.embedding.weight[text.ids].double()  # (T, X)
        for number in range(config.num_layers):
            layers = [layer for layer in trace.layers if layer.layer == number]
            for layer in layers:
                weights = parameters(network.recurrent, number, layer.direction)
                differences.append(_steps(config.cell, x, layer, weights))
            hidden = np.concatenate([layer.tensors["hidden"] for layer in layers], axis=-1)
            x = torch.from_numpy(hidden).double()
        expected = _answer(classifier, x)
        differences += [_difference(answer, expected), _difference(trace.probabilities, expected)]
    return _largest(differences)


def batch_invariance(classifier: Classifier, texts: Sequence[Encoding]) -> float:
    """Compare answers and states of texts that are read together with those of each alone."""
    differences = []
    together = zip(texts, classifier.predict(texts), classifier.trace(texts), strict=True)
    for text, answer, trace in together:
        [alone] = classifier.trace([text])
        differences.append(_difference(answer, classifier.predict([text])[0]))
        differences.append(_difference(trace.probabilities, alone.probabilities))
        differences.append(_states(trace, alone))
    return _largest(differences)


def resumed(classifier: Classifier, texts: Sequence[Encoding]) -> float:
    """Compare texts in two pieces, the second from the first's state, with the whole ones.

    Only a network that reads forward can go on from a state.
    """
    cuts = [len(text) // 2 for text in texts]
    begun = [Encoding(text.ids[:cut], []) for text, cut in zip(texts, cuts, strict=True)]
    ended = [Encoding(text.ids[cut:], []) for text, cut in zip(texts, cuts, strict=True)]
    first = classifier.trace(begun, Selection(end=True))
    rest = classifier.trace(ended, starts=[trace.end for trace in first])
    differences = []
    for whole, cut, one, two in zip(classifier.trace(texts), cuts, first, rest, strict=True):
        differences.append(_difference(two.probabilities, whole.probabilities))
        differences += [_states(one, whole, slice(cut)), _states(two, whole, slice(cut, None))]
    return _largest(differences)


def _steps(cell: CellName, x: Tensor, layer: LayerStates, weights: Sequence[Tensor]) -> float:
    """Compare with one step of the equations, from each state, over x (T, X)."""
    read = _in_reading_order(layer)
    x = x.flip(0) if layer.direction == "backward" else x
    w = [weight.double() for weight in weights]
    h = torch.from_numpy(_before(read["hidden"]))
    if cell == "lstm":
        c = torch.from_numpy(_before(read["cell"]))
        expected = lstm_step(x, h, c, cell_weights(w))._asdict()
    else:
        expected = {"hidden": rnn_step(x, h, w)}
    return _largest(_difference(read[name], tensor) for name, tensor in expected.items())


def _answer(classifier: Classifier, output: Tensor) -> Tensor:
    """Compute the probabilities (labels,) that follow from the top layer's states (T, W)."""
    config, head = classifier.config, classifier.network.head
    width = config.hidden_size
    poolings = {
        "last": torch.cat([output[-1, :width], output[0, width:]]),
        "max": output.amax(dim=0),
        "mean": output.mean(dim=0),
    }
    chosen = [pooled for name, pooled in poolings.items() if config.pooling in {name, "concat"}]
    logits = head.weight.double() @ torch.cat(chosen) + head.bias.double()
    return logits.softmax(dim=-1)


def _states(part: Trace, whole: Trace, steps: slice = slice(None)) -> float:
    """Compare all tensors of a trace with these steps of another one."""
    return _largest(
        _difference(tensor, expected.tensors[name][steps])
        for layer, expected in zip(part.layers, whole.layers, strict=True)
        for name, tensor in layer.tensors.items()
    )


def _in_reading_order(layer: LayerStates) -> dict[str, NDArray[np.float64]]:
    """Return the tensors (T, H) with the steps as the layer has read them, in double precision."""
    step = -1 if layer.direction == "backward" else 1
    return {name: tensor[::step].astype(np.float64) for name, tensor in layer.tensors.items()}


def _before(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift states (T, H) by a step; before the first step they are zeros."""
    return np.concatenate([np.zeros_like(states[:1]), states[:-1]])


def _difference(given: ArrayLike, expected: ArrayLike) -> float:
    given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
    return _largest((np.abs(given - expected) / np.maximum(1, np.abs(expected))).ravel())


def _largest(differences: Iterable[float]) -> float:
    """Return the largest difference; NaN if any is NaN."""
    return float(np.max([0.0, *differences]))
