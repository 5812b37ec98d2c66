"""From token ids of many lengths to padded tensors, few of them padding."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

T = TypeVar("T")

Ids = Sequence[int] | NDArray[np.int32]


def collate(sequences: Sequence[Ids], pad_token_id: int) -> tuple[Tensor, Tensor]:
    """Ids (B, T) padded on the right, and lengths (B,). T is at least 1, even for empty texts."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    rows = [torch.as_tensor(sequence, dtype=torch.int64) for sequence in sequences]
    # The extra row, taken off again, makes room for one step where all texts are empty.
    rows.append(torch.zeros(1, dtype=torch.int64))
    return pad_sequence(rows, batch_first=True, padding_value=pad_token_id)[:-1], lengths


def batches_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of texts in batches of similar length.

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


def padding(lengths: Sequence[int], max_tokens: int) -> int:
    """How many tokens of padding there are in the batches of texts of these lengths."""
    batches = batches_by_length(lengths, max_tokens)
    padded = sum(len(batch) * lengths[batch[-1]] for batch in batches)
    return padded - sum(lengths)


def chunks(items: list[T], size: int) -> Iterator[list[T]]:
    """The items in their order, ``size`` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
