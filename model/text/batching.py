"""Batching: token ids of many lengths as padded tensors, with little padding."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

Ids = Sequence[int] | NDArray[np.int32]

# Padded tokens of a batch: enough to keep the matrix products busy, few enough for tens of
# megabytes of activations.
BATCH_TOKENS = 8192


def collate(sequences: Sequence[Ids], pad_token_id: int) -> tuple[Tensor, Tensor]:
    """Pad ids on the right to (B, T), with lengths (B,). T is at least 1, even for empty texts."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    rows = [torch.as_tensor(sequence, dtype=torch.int64) for sequence in sequences]
    # The extra row, taken off again, makes room for one step where all texts are empty.
    rows.append(torch.zeros(1, dtype=torch.int64))
    return pad_sequence(rows, batch_first=True, padding_value=pad_token_id)[:-1], lengths


def batches_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Put the indices of texts into batches of similar length.

    A batch, padding included, has at most ``max_tokens`` tokens, unless one text alone has more.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Lengths ascend, so this text's length is that of the padded batch.
        if batches and (len(batches[-1]) + 1) * lengths[index] <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def padded_batches(
    sequences: Sequence[Ids], max_tokens: int, pad_token_id: int
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Yield batches of similar length: the indices of B texts, their ids (B, T), lengths (B,)."""
    for batch in batches_by_length([len(ids) for ids in sequences], max_tokens):
        yield batch, *collate([sequences[index] for index in batch], pad_token_id)


def padding(lengths: Sequence[int], max_tokens: int) -> int:
    """Count the tokens of padding in the batches of texts of these lengths."""
    batches = batches_by_length(lengths, max_tokens)
    padded = sum(len(batch) * lengths[batch[-1]] for batch in batches)
    return padded - sum(lengths)
