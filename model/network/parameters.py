"""Parameter counts of a model, part by part.

An LSTM's weights follow the formula ``4*h*(h+x)`` for each layer and direction, with h its units
and x the width of its input; those of a simple RNN ``h*(h+x)``. It counts the matrices over [h, x];
PyTorch keeps two biases of h beside each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from conveyor.model.network.cell import CELLS, cell_of
from conveyor.model.network.config import LanguageModelConfig, ModelConfig

Kind = Literal["weights", "biases", "embedding", "head"]


@dataclass(frozen=True)
class Part:
    """A part of a model, and its number of parameters: as a written product, and in all."""

    kind: Kind
    name: str
    formula: str
    count: int


class ParameterInfo(BaseModel):
    """The number of a model's parameters, by the course's formula and in all."""

    model_config = ConfigDict(frozen=True)

    formula: str = Field(
        description="4*h*(h+x) for each layer and direction; h*(h+x) of a simple RNN."
    )
    recurrent_by_formula: int
    recurrent: int = Field(description="With PyTorch's two biases.")
    embedding: int
    head: int
    total: int

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "ParameterInfo":
        """Add up a model's parts."""

        def count(*kinds: Kind) -> int:
            return sum(part.count for part in parts if part.kind in kinds)

        return cls(
            formula=" + ".join(part.formula for part in parts if part.kind == "weights"),
            recurrent_by_formula=count("weights"),
            recurrent=count("weights", "biases"),
            embedding=count("embedding"),
            head=count("head"),
            total=sum(part.count for part in parts),
        )


def parameter_count(config: ModelConfig) -> ParameterInfo:
    """Count a classifier's parameters: its weights in each layer and direction, then all."""
    return ParameterInfo.of(classifier_parts(config))


def classifier_parts(config: ModelConfig) -> list[Part]:
    """List the parts of a classifier: embedding, recurrent layers, head."""
    width = config.hidden_size * len(config.directions)
    pooled, labels = width * (3 if config.pooling == "concat" else 1), len(config.labels)
    inputs = [config.embedding_dim] + [width] * (config.num_layers - 1)
    matrices = cell_of(config).MATRICES
    return [
        _embedding(config),
        *_recurrent(matrices, config.hidden_size, inputs, config.directions),
        Part("head", "head", f"({pooled}+1)*{labels}", (pooled + 1) * labels),
    ]


def language_model_parts(config: LanguageModelConfig) -> list[Part]:
    """List the parts of a pretrained language model, whose embedding also is its output.

    Its head is what else the output needs: a projection to the embedding's width, where the state
    is not that wide, and a bias for each token.
    """
    x, h = config.embedding_dim, config.hidden_size
    inputs = [x] + [h] * (config.num_layers - 1)
    projection = [] if h == x else [Part("head", "projection", f"{h}*{x}", h * x)]
    return [
        _embedding(config),
        *_recurrent(CELLS[config.cell].MATRICES, h, inputs, [config.direction]),
        *projection,
        Part("head", "output biases", f"{config.vocab_size}", config.vocab_size),
    ]


def _embedding(config: ModelConfig | LanguageModelConfig) -> Part:
    rows, width = config.vocab_size, config.embedding_dim
    return Part("embedding", "embedding", f"{rows}*{width}", rows * width)


def _recurrent(
    matrices: int, h: int, inputs: Sequence[int], directions: Sequence[str]
) -> list[Part]:
    """List the weights of each layer, with its input x, and direction; then all their biases."""
    times = f"{matrices}*" if matrices > 1 else ""
    weights = [
        Part(
            "weights",
            f"layer {layer}, {direction}",
            f"{times}{h}*({h}+{x})",
            matrices * h * (h + x),
        )
        for layer, x in enumerate(inputs)
        for direction in directions
    ]
    biases = 2 * matrices * h * len(weights)
    return [*weights, Part("biases", "biases", f"{len(weights)}*2*{times}{h}", biases)]
