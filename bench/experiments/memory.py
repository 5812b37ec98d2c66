"""Gradients and cell states over distance: `python bench/experiments/memory.py --data DIR`.

Of the two networks that run.py has trained to judge by their last state alone, in its work folder:
how the gradient of the loss by a state changes with the state's distance from the end of the text,
and what an LSTM's forget gates leave of its cell state; both as trained, and before the first step.

Shapes in comments: B texts, T steps, X inputs, H units.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.experiments.plan import LAST_LSTM, LAST_RNN, Experiment
from bench.experiments.run import WORK
from bench.experiments.saved import MEMORY, Gradient, Memory, Retention, run_name, save
from conveyor.model.artifact import storage
from conveyor.model.data.examples import read_examples
from conveyor.model.evaluation.metrics import label_ids
from conveyor.model.inference.classifier import use_threads
from conveyor.model.network import pooling, rnn
from conveyor.model.network.cell import parameters
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.lstm import cell_weights, lstm_step
from conveyor.model.network.selection import Selection
from conveyor.model.network.summary import retention

TEXTS, STEPS = 200, 200
QUANTILES = (0.1, 0.5, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, default=WORK, help=f"by default {WORK}")
    arguments = parser.parse_args()
    use_threads(1)
    models = [
        arguments.work / run_name(experiment, experiment.seeds[0]) / "model"
        for experiment in (LAST_RNN, LAST_LSTM)
    ]
    save(MEMORY, remember(models, arguments.data, LAST_LSTM))
    print(f"written to {MEMORY}")


def remember(
    models: Sequence[Path],
    data: Path,
    experiment: Experiment,
    texts: int = TEXTS,
    steps: int = STEPS,
) -> Memory:
    """Measure the curves of these models.

    The texts are the first of each label in the test file that are long enough.

    Raises ModelError, and ValueError where too few texts have so many tokens.
    """
    gradients: list[Gradient] = []
    retentions: list[Retention] = []
    for path in models:
        classifier = storage.load(path).classifier
        config = classifier.config
        examples = read_examples(str(data / experiment.data.test))
        encodings = classifier.encode([example.text for example in examples], offsets=False)
        truth = label_ids(examples, config.labels, config.label_aliases)
        long = [index for index, encoding in enumerate(encodings) if len(encoding) >= steps]
        if len(long) < texts:
            raise ValueError(f"Only {len(long)} test texts have {steps} tokens: {texts} must.")
        # Rows may be ordered by label: evenly from all of them.
        picked = [long[place * len(long) // texts] for place in range(texts)]
        ids = torch.tensor([encodings[index].ids[-steps:] for index in picked])
        targets = torch.from_numpy(truth[picked])
        torch.manual_seed(experiment.seeds[0])  # the weights that training began with
        fresh = LSTMClassifier(config).eval()
        for network, trained in ((fresh, False), (classifier.network, True)):
            gradients += [
                Gradient(cell=config.cell, state=state, trained=trained, norms=norms)
                for state, norms in gradient_norms(network.double(), ids, targets).items()
            ]
            if config.cell == "lstm":
                retentions.append(retention_curve(network.float(), ids, trained=trained))
    return Memory(texts=texts, steps=steps, gradients=tuple(gradients), retention=tuple(retentions))


def walk(network: LSTMClassifier, x: Tensor) -> list[dict[str, Tensor]]:
    """Compute one layer's states (B, H) after each step of x (T, B, X), by the equations alone."""
    weights = parameters(network.recurrent, 0, "forward")
    h = c = x.new_zeros(x.shape[1], network.config.hidden_size)
    states = []
    if network.config.cell == "rnn":
        for step in x.unbind():
            h = rnn.rnn_step(step, h, weights)
            states.append({"hidden": h})
    else:
        gates = cell_weights(weights)
        for step in x.unbind():
            h, c, *_ = lstm_step(step, h, c, gates)
            states.append({"hidden": h, "cell": c})
    return states


def gradients(
    network: LSTMClassifier, x: Tensor, targets: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the logits (B, labels), and the gradient (T, B, H) of each text's loss by each state.

    x (T, B, X) are embedded texts of one length, ``targets`` (B,) their labels. The gradient is the
    total one: all that a small change of the state at a step would change in the loss, by way of
    every later step. That of h leaves c as it is; that of c also goes by way of the same step's h.
    """
    states = walk(network, x.detach().requires_grad_())
    for state in (tensor for step in states for tensor in step.values()):
        state.retain_grad()
    lengths = torch.full((x.shape[1],), len(x))
    output = torch.stack([step["hidden"] for step in states])
    logits = network.logits(pooling.at_end(output, lengths, network.config.hidden_size))
    # The sum, so that each text has the gradient of its own loss.
    loss = functional.cross_entropy(logits, targets, reduction="sum")
    loss.backward()  # type: ignore[no-untyped-call]
    return logits.detach(), {name: _stack(states, name) for name in states[0]}


def _stack(states: Sequence[Mapping[str, Tensor]], name: str) -> Tensor:
    """Stack the gradients of a state at all steps; none means that nothing depends on it."""
    tensors = [step[name] for step in states]
    return torch.stack([torch.zeros_like(t) if t.grad is None else t.grad for t in tensors])


def gradient_norms(
    network: LSTMClassifier, ids: Tensor, targets: Tensor
) -> dict[str, tuple[float, ...]]:
    """Take for each state the norm of the gradient by it, over the distance from the end.

    The median over the texts ids (B, T), each divided by its norm at the last step.
    """
    with torch.no_grad():
        x = network.embedding(ids.T)
    _, by_state = gradients(network, x, targets)
    norms = {name: gradient.norm(dim=-1).flip(0) for name, gradient in by_state.items()}
    return {
        name: tuple((norm / norm[0]).median(dim=1).values.tolist()) for name, norm in norms.items()
    }


def retention_curve(network: LSTMClassifier, ids: Tensor, *, trained: bool) -> Retention:
    """Multiply the forget gates over the distance from the end of the texts ids (B, T)."""
    lengths = torch.full((len(ids),), ids.shape[1])
    [layer] = network.trace(ids, lengths, Selection(tensors=("forget_gate",))).layers
    gates = layer.tensors["forget_gate"].double()  # (T, B, H)
    # At distance k, k gates have been passed: none at distance 0, and never the first step's.
    passed = torch.cat([torch.ones_like(gates[:1]), gates.flip(0)[:-1].cumprod(dim=0)])
    quantiles = np.quantile(passed.mean(dim=1).numpy(), QUANTILES, axis=1)
    low, middle, high = (tuple(curve) for curve in quantiles.tolist())
    reach = np.quantile(retention(gates)[-1].double().quantile(0.5, dim=0).numpy(), QUANTILES)
    first, second, third = reach.tolist()
    return Retention(
        trained=trained, low=low, middle=middle, high=high, reach=(first, second, third)
    )


if __name__ == "__main__":
    main()
