"""The gradient walk is held to autograd of the fused kernel, and to finite differences."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from bench.experiments.memory import gradient_norms, gradients, remember, retention_curve, walk
from bench.experiments.plan import DataSet, Experiment
from bench.experiments.saved import Memory, Retention
from conveyor.model.artifact import storage
from conveyor.model.network.cell import parameters
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import CellName
from tests.conftest import FILLERS, random_classifier, random_network
from tests.model.reference import make_config, make_text, seeds

CELLS: tuple[CellName, ...] = ("rnn", "lstm")
TEXTS, STEPS = 3, 7


def network_and_texts(cell: CellName, seed: int) -> tuple[LSTMClassifier, Tensor, Tensor]:
    """Make a network in double precision, texts (B, T) of one length, and labels (B,)."""
    network = random_network(make_config(cell=cell, pooling="last"), seed).double()
    ids = torch.tensor([make_text(STEPS, seed + row) for row in range(TEXTS)])
    return network, ids, torch.arange(TEXTS)


@given(seed=seeds, cell=st.sampled_from(CELLS))
def test_the_walk_gives_the_gradients_that_the_fused_kernel_gives(
    seed: int, cell: CellName
) -> None:
    """By the inputs: all that a state leads back to goes through them."""
    network, ids, targets = network_and_texts(cell, seed)
    lengths = torch.full((TEXTS,), STEPS)
    x = network.embedding(ids.T).detach()
    shift = torch.zeros_like(x, requires_grad=True)
    expected = network(ids, lengths, shift)
    loss = functional.cross_entropy(expected, targets, reduction="sum")
    [from_kernel] = torch.autograd.grad(loss, shift)
    leaf = x.clone().requires_grad_()
    logits = network.head(walk(network, leaf)[-1]["hidden"])
    torch.testing.assert_close(logits, expected)
    loss = functional.cross_entropy(logits, targets, reduction="sum")
    torch.testing.assert_close(torch.autograd.grad(loss, leaf)[0], from_kernel)


@given(seed=seeds)
def test_an_rnn_s_gradients_by_h_are_those_behind_the_ones_by_x(seed: int) -> None:
    """dL/dx_t = W_ih^T ((1 - h_t²) dL/dh_t), with the left side from the fused kernel."""
    network, ids, targets = network_and_texts("rnn", seed)
    x = network.embedding(ids.T).detach()
    shift = torch.zeros_like(x, requires_grad=True)
    logits = network(ids, torch.full((TEXTS,), STEPS), shift)
    loss = functional.cross_entropy(logits, targets, reduction="sum")
    [by_x] = torch.autograd.grad(loss, shift)
    _, by_state = gradients(network, x, targets)
    w_ih, *_ = parameters(network.recurrent, 0, "forward")
    hidden = torch.stack([step["hidden"] for step in walk(network, x)])
    torch.testing.assert_close((by_state["hidden"] * (1 - hidden**2)) @ w_ih, by_x)


@given(seed=seeds, cell=st.sampled_from(CELLS), step=st.integers(0, STEPS - 1))
def test_the_gradients_are_what_small_changes_change(seed: int, cell: CellName, step: int) -> None:
    """The fused kernel goes on from a state that was changed; central differences.

    At the last step too: there the head reads h, and c counts through the h of its step alone.
    """
    network, ids, targets = network_and_texts(cell, seed)
    x = network.embedding(ids.T).detach()
    _, by_state = gradients(network, x, targets)
    weights = parameters(network.recurrent, 0, "forward")
    names = network.cell.STATES
    reached = walk(network, x)[step]

    def loss(changed: str, by: Tensor) -> Tensor:
        states = dict(reached)
        if changed == "cell":  # h_t = o_t * tanh(c_t) changes with it
            gate = states["hidden"] / states["cell"].tanh()
            states["hidden"] = gate * (states["cell"] + by).tanh()
        states[changed] = states[changed] + by
        last = states["hidden"]
        if step + 1 < STEPS:
            start = [states[name] for name in names]
            last = network.cell.run_on(x[step + 1 :], start, weights)[0][-1]
        return functional.cross_entropy(network.head(last), targets, reduction="sum")

    for name in names:
        direction = torch.randn(reached[name].shape, dtype=torch.float64) * 1e-5
        slope = (loss(name, direction) - loss(name, -direction)) / 2
        expected = (by_state[name][step] * direction).sum()
        torch.testing.assert_close(slope, expected, atol=1e-11, rtol=1e-4)


def test_norms_begin_at_one_and_go_back_in_time() -> None:
    network, ids, targets = network_and_texts("lstm", 0)
    norms = gradient_norms(network, ids, targets)
    assert norms.keys() == {"hidden", "cell"}
    _, by_state = gradients(network, network.embedding(ids.T).detach(), targets)
    for name, curve in norms.items():
        lengths = by_state[name].norm(dim=-1)
        expected = (lengths[-3] / lengths[-1]).median()
        assert curve[0] == 1.0
        assert curve[2] == pytest.approx(float(expected))


def test_a_belt_with_gates_of_one_half_keeps_half_at_each_step() -> None:
    network = random_network(make_config(cell="lstm", hidden_size=4, pooling="last"))
    for parameter in network.recurrent.parameters():
        parameter.zero_()  # σ(0) is one half
    kept = retention_curve(network, torch.tensor([make_text(6, 0)]), trained=True)
    assert kept.low == kept.middle == kept.high == pytest.approx([0.5**k for k in range(6)])
    assert kept.reach == (3.0, 3.0, 3.0)  # 0.5³ is more than a tenth, 0.5⁴ is less


def test_quantiles_are_those_of_the_units() -> None:
    network = random_network(make_config(cell="lstm", hidden_size=11, pooling="last"))
    for parameter in network.recurrent.parameters():
        parameter.zero_()
    gates = torch.linspace(0.05, 0.95, 11)
    network.recurrent.get_parameter("bias_ih_l0")[11:22] = gates.logit()
    kept = retention_curve(network, torch.tensor([make_text(5, 0)]), trained=False)
    for curve, gate in ((kept.low, gates[1]), (kept.middle, gates[5]), (kept.high, gates[9])):
        assert curve == pytest.approx([float(gate) ** k for k in range(5)])


def test_both_networks_are_remembered_as_trained_and_untrained(tmp_path: Path) -> None:
    models = [tmp_path / cell for cell in CELLS]
    for path, cell in zip(models, CELLS, strict=True):
        classifier = random_classifier(cell=cell, pooling="last")
        storage.save(path, classifier, golden_text="the film", card="# random\n")
    rng = np.random.default_rng(0)
    rows = [f"praise\t{' '.join(rng.choice(FILLERS, size))}\n" for size in (3, *[12] * 5, 4, 30)]
    (tmp_path / "test.tsv").write_text("".join(rows))
    experiment = Experiment("tiny", "LSTM", DataSet("tiny", (), "test.tsv"))
    memory = remember(models, tmp_path, experiment, texts=6, steps=10)
    drawn = [(curve.cell, curve.state, curve.trained) for curve in memory.gradients]
    assert drawn == [
        *(("rnn", "hidden", trained) for trained in (False, True)),
        *(("lstm", state, trained) for trained in (False, True) for state in ("hidden", "cell")),
    ]
    assert [curve.trained for curve in memory.retention] == [False, True]
    fresh, trained = memory.retention
    assert fresh.middle != trained.middle
    assert Memory.model_validate_json(memory.model_dump_json()) == memory
    with pytest.raises(ValueError, match="Only 6 test texts have 10 tokens: 7 must"):
        remember(models, tmp_path, experiment, texts=7, steps=10)


def test_a_curve_with_a_hole_is_no_memory() -> None:
    curve = Retention(trained=True, low=(1.0,), middle=(1.0,), high=(1.0,), reach=(0.0, 0.0, 0.0))
    saved = {"texts": 1, "steps": 2, "gradients": [], "retention": [curve.model_dump()]}
    with pytest.raises(ValueError, match="a value for each step"):
        Memory.model_validate_json(json.dumps(saved))
