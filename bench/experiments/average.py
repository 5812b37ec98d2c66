"""Average the weights of classifiers that were made one from another (Wortsman et al., 2022).

`python bench/experiments/average.py third=0.08 fourth=0.22 fifth=0.7 --out DIR`: directories and
shares, which sum to 1. The tokens are those of the last one; where an earlier one lacks some of
them, which were added after it, the last one's embeddings stand in.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import Classifier
from conveyor.model.training.train import GOLDEN_TOKENS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", metavar="DIRECTORY=SHARE")
    parser.add_argument("--out", type=Path, required=True, help="directory for the average")
    arguments = parser.parse_args()
    pairs = [model.rpartition("=") for model in arguments.models]
    shares = [float(share) for _, _, share in pairs]
    if abs(sum(shares) - 1) > 1e-6:  # noqa: PLR2004 - rounding
        parser.error("the shares do not sum to 1")
    average = averaged([storage.load(Path(model)).classifier for model, _, _ in pairs], shares)
    storage.save(
        arguments.out,
        average,
        golden_text=" ".join(average.tokenizer.vocabulary_sample(GOLDEN_TOKENS)),
        card=f"# {arguments.out.name}\n",
        dtype=torch.float16,
    )


def averaged(classifiers: Sequence[Classifier], shares: Sequence[float]) -> Classifier:
    """Return the last classifier with the weighted mean of all weights, its own overwritten."""
    *_, last = classifiers
    weights = last.network.state_dict()
    states = [classifier.network.state_dict() for classifier in classifiers]
    mean = {
        name: sum_of(
            [share * _filled(state[name], own) for state, share in zip(states, shares, strict=True)]
        )
        for name, own in weights.items()
    }
    last.network.load_state_dict(mean)
    return last


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """Add tensors of one shape."""
    return torch.stack(list(tensors)).sum(dim=0)


def _filled(weight: Tensor, last: Tensor) -> Tensor:
    """Append the rows of the last one that a weight lacks."""
    return torch.cat([weight, last[len(weight) :]])


if __name__ == "__main__":
    main()
