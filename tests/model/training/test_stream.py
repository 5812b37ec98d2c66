import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.training.stream import SEPARATOR, rows, shuffled, stream, window_count, windows

texts = st.lists(st.lists(st.integers(1, 99), max_size=9), min_size=1, max_size=9)


@given(texts)
def test_a_stream_is_every_text_between_separators(ids: list[list[int]]) -> None:
    order = shuffled(len(ids), seed=3, epoch=1)
    joined = stream([np.array(each, np.int32) for each in ids], order)
    expected = [SEPARATOR]
    for index in order:
        expected += [*ids[index], SEPARATOR]
    assert joined.tolist() == expected


@given(st.integers(2, 300), st.integers(1, 40), st.integers(1, 20))
def test_every_token_is_a_target_once_and_follows_its_own_past(
    tokens: int, count: int, bptt: int
) -> None:
    cut = rows(np.arange(tokens, dtype=np.int32), count)
    read = [cut[window] for window in windows(len(cut) - 1, bptt)]
    assert len(read) == window_count(tokens, count, bptt)
    assert all(2 <= len(window) <= bptt + 1 for window in read)
    for window in read:
        assert (window[1:] == window[:-1] + 1).all()
    targets = sorted(np.concatenate([window[1:].flatten() for window in read]).tolist())
    assert targets == list(range(1, len(targets) + 1))
    assert tokens - 1 - len(targets) < cut.shape[1] <= count


def test_the_order_of_an_epoch_is_the_same_when_asked_again() -> None:
    assert shuffled(50, 1, 2) == shuffled(50, 1, 2)
    assert shuffled(50, 1, 2) != shuffled(50, 1, 3)
    assert shuffled(50, 1, 2) != shuffled(50, 2, 2)
