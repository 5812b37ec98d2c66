from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.text.batching import batches_by_length, collate, padded_batches


def test_collate_pads_on_the_right() -> None:
    ids, lengths = collate([[5], [6, 7, 8], []], pad_token_id=9)
    assert ids.tolist() == [[5, 9, 9], [6, 7, 8], [9, 9, 9]]
    assert lengths.tolist() == [1, 3, 0]


def test_collate_gives_empty_texts_one_step_of_padding() -> None:
    ids, lengths = collate([[]], pad_token_id=0)
    assert ids.shape == (1, 1)
    assert lengths.tolist() == [0]


@given(lengths=st.lists(st.integers(0, 50)), most=st.integers(1, 100))
def test_every_text_is_in_one_batch_that_is_small_enough(lengths: list[int], most: int) -> None:
    batches = batches_by_length(lengths, most)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= most


def test_batches_are_of_similar_length() -> None:
    assert batches_by_length([9, 1, 8, 2], 18) == [[1, 3], [2, 0]]


def test_padded_batches_hold_the_ids_of_their_texts() -> None:
    found = [
        (batch, ids.tolist(), lengths.tolist())
        for batch, ids, lengths in padded_batches([[5] * 3, [6], [7, 8]], 4, pad_token_id=0)
    ]
    assert found == [([1, 2], [[6, 0], [7, 8]], [1, 2]), ([0], [[5, 5, 5]], [3])]
