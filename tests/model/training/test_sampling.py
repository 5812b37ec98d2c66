from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.training.sampling import WINDOW_BATCHES, Batches

LENGTHS = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_each_time_all_texts_are_met_once(lengths: list[int], size: int, number: int) -> None:
    batches = Batches(lengths, size, "0")
    met = [batches.at(number * batches.count + place) for place in range(batches.count)]
    assert sorted(index for batch in met for index in batch) == list(range(len(lengths)))
    assert sorted(map(len, met))[1:] == [size] * (batches.count - 1)


@given(LENGTHS, st.integers(1, 9), st.lists(st.integers(0, 200), min_size=1))
def test_seed_and_step_alone_decide(lengths: list[int], size: int, steps: list[int]) -> None:
    """Whatever was asked for before: as in a run that is continued."""
    batches = Batches(lengths, size, "7")
    assert [batches.at(step) for step in steps] == [
        Batches(lengths, size, "7").at(step) for step in steps
    ]


def test_each_time_and_with_each_seed_in_another_mix() -> None:
    lengths = [1] * 100
    batches = Batches(lengths, 10, "0")
    first = [batches.at(step) for step in range(10)]
    assert first != [batches.at(step) for step in range(10, 20)]
    assert first != [Batches(lengths, 10, "1").at(step) for step in range(10)]


def test_batches_are_of_similar_length() -> None:
    lengths = list(range(4 * WINDOW_BATCHES))
    batches = Batches(lengths, 4, "0")
    met = [[lengths[index] for index in batches.at(step)] for step in range(batches.count)]
    assert all(max(batch) - min(batch) == 3 for batch in met)
    assert met != sorted(met)
