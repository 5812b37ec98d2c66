"""How many numbers a model has."""

from dataclasses import dataclass

from model.cell import cell_of
from model.config import ModelConfig


@dataclass(frozen=True)
class ParameterCount:
    """How many numbers a model has, by the course's formula and in all."""

    formula: str
    recurrent_by_formula: int
    recurrent: int
    embedding: int
    head: int
    total: int


def parameter_count(config: ModelConfig) -> ParameterCount:
    """Count a model's parameters: its weights in each layer and direction, then all of them.

    The formula, ``4*h*(h+x)`` for an LSTM and ``h*(h+x)`` for a simple RNN, counts the matrices
    over [h, x]. PyTorch keeps two biases of h beside each.
    """
    matrices = cell_of(config).MATRICES
    times = f"{matrices}*" if matrices > 1 else ""
    h, directions = config.hidden_size, len(config.directions)
    inputs = [config.embedding_dim] + [h * directions] * (config.num_layers - 1)
    terms = [f"{times}{h}*({h}+{x})" for x in inputs for _ in range(directions)]
    weights = directions * sum(matrices * h * (h + x) for x in inputs)
    biases = directions * config.num_layers * 2 * matrices * h
    embedding = config.vocab_size * config.embedding_dim
    pooled = h * directions * (3 if config.pooling == "concat" else 1)
    head = (pooled + 1) * len(config.labels)
    return ParameterCount(
        formula=" + ".join(terms),
        recurrent_by_formula=weights,
        recurrent=weights + biases,
        embedding=embedding,
        head=head,
        total=weights + biases + embedding + head,
    )
