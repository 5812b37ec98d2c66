import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.network import summary
from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from tests.model.reference import batches, classifier_of, configs, read, seeds

gates = st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, 0.1, 0.5, 1e-38])


def counted_back(forget: list[float]) -> list[int]:
    """Compute retention by its definition: multiplication, a step and a value at a time."""
    horizons = []
    for t in range(len(forget)):
        k, left = 0, 1.0
        while k < t and left * forget[t - k] >= summary.COUNTS * (1 - 1e-9):
            left *= forget[t - k]
            k += 1
        horizons.append(k)
    return horizons


@given(forget=st.lists(gates, min_size=1, max_size=40))
def test_retention_by_its_definition(forget: list[float]) -> None:
    horizons = summary.retention(torch.tensor(forget).reshape(-1, 1, 1))
    assert horizons.shape == (len(forget), 1, 1)
    single = np.array(forget, np.float32).astype(float).tolist()
    assert horizons.flatten().tolist() == counted_back(single)


@pytest.mark.parametrize(
    ("gate", "horizon"), [(0.0, 0), (0.5, 3), (0.9, 21), (1.0, 99), (0.1, 1), (0.09, 0)]
)
def test_retention_of_a_gate_that_stands_still(gate: float, horizon: int) -> None:
    """0.5^3 = 0.125 and 0.9^21 = 0.109 are still a tenth, 0.5^4 and 0.9^22 are not."""
    horizons = summary.retention(torch.full((100, 2, 3), gate, dtype=torch.float64))
    assert (horizons[-1] == horizon).all()
    assert (horizons[0] == 0).all()


@given(config=configs, batch=batches, seed=seeds, data=st.data())
def test_the_summaries_are_those_of_the_tensors(
    config: ModelConfig, batch: list[list[int]], seed: int, data: st.DataObject
) -> None:
    classifier = classifier_of(config, seed)
    units = data.draw(
        st.none() | st.lists(st.integers(0, config.hidden_size - 1), min_size=1, max_size=5)
    )
    steps = data.draw(st.none() | st.builds(slice, st.integers(-9, 9)))
    everything = classifier.trace([read(text) for text in batch], Selection(units=units))
    selection = Selection(tensors=(), units=units, steps=steps, summaries=True)
    for whole, part in zip(
        everything, classifier.trace([read(text) for text in batch], selection), strict=True
    ):
        for layer, expected in zip(part.layers, whole.layers, strict=True):
            at = list(part.steps)
            tensors = cell_of(config).TENSORS
            numbers = sum(array.size for array in layer.summaries.values())
            size = config.hidden_size if units is None else len(units)
            assert numbers == len(at) * summary.floats_per_step(tensors, size)
            np.testing.assert_allclose(
                layer.summaries["hidden_norm"],
                np.linalg.norm(expected.tensors["hidden"][at], axis=1),
                atol=1e-5,
            )
            if config.cell == "rnn":
                assert list(layer.summaries) == ["hidden_norm"]
                continue
            assert len(layer.summaries) == 9
            for gate in summary.SATURATING:
                values = expected.tensors[gate][at]
                for side, share in (
                    ("closed", (values < 0.1).mean(axis=1)),
                    ("open", (values > 0.9).mean(axis=1)),
                ):
                    np.testing.assert_allclose(
                        layer.summaries[f"{gate}_{side}"], share, atol=0.5 / len(values.T)
                    )
            np.testing.assert_allclose(
                layer.summaries["cell_norm"],
                np.linalg.norm(expected.tensors["cell"][at], axis=1),
                atol=1e-5,
            )
            forget = expected.tensors["forget_gate"]
            read_as = forget if layer.direction == "forward" else forget[::-1]
            if len(forget):
                horizons = summary.retention(torch.from_numpy(read_as.copy()).unsqueeze(1))
                kept = horizons[:, 0].numpy()
                kept = kept if layer.direction == "forward" else kept[::-1]
                assert (np.abs(layer.summaries["retention"] - kept[at]) <= 1).all()
