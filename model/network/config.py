"""ModelConfig: the hyperparameters that an artifact needs to be served; LanguageModelConfig."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from conveyor.model.types import TokenizerKind

CellName = Literal["lstm", "rnn"]
Pooling = Literal["last", "max", "mean", "concat"]

MIN_LABELS = 2

# Far beyond any model; a slip of the pen must not ask for all memory.
Width = Annotated[int, Field(ge=1, le=65_536)]
Depth = Annotated[int, Field(ge=1, le=64)]
MAX_VOCABULARY = 10_000_000


class ModelConfig(BaseModel):
    """The content of an artifact's ``config.json``.

    ``hidden_size`` is the width of the state of *one direction*. ``max_tokens`` is the longest text
    that the model reads; a longer one is refused, or cut to its last ``max_tokens`` when the caller
    allows it. ``label_aliases`` are the names that labels have in the model's data files, where
    those differ from the names it answers with. ``unverified`` is a model that was converted from
    a source which nobody has run, to see that it gives the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    cell: CellName = "lstm"
    vocab_size: Annotated[int, Field(ge=1, le=MAX_VOCABULARY)]
    embedding_dim: Width
    hidden_size: Width
    num_layers: Depth = 1
    bidirectional: bool = False
    pooling: Pooling = "concat"
    id2label: dict[int, str]
    label_aliases: dict[str, str] = {}
    max_tokens: PositiveInt
    pad_token_id: int
    unk_token_id: int
    # Left out of the file where it is false, as in all that were written before there was this.
    unverified: bool = Field(default=False, exclude_if=lambda unverified: not unverified)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sorted(self.id2label) != list(range(len(self.id2label))):
            raise ValueError("id2label must number its labels 0, 1, 2, ... without a gap")
        if len(self.id2label) < MIN_LABELS:
            raise ValueError("id2label must have at least two labels")
        if len(set(self.id2label.values())) < len(self.id2label):
            raise ValueError("id2label must not name a label twice")
        for alias, label in self.label_aliases.items():
            if label not in self.labels:
                raise ValueError(f"label_aliases maps {alias!r} to {label!r}, which is no label")
        for name in ("pad_token_id", "unk_token_id"):
            if not 0 <= getattr(self, name) < self.vocab_size:
                raise ValueError(f"{name} must lie inside the vocabulary of {self.vocab_size}")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the head's outputs."""
        return tuple(self.id2label[index] for index in range(len(self.id2label)))

    @property
    def directions(self) -> tuple[Literal["forward", "backward"], ...]:
        """The directions in which every layer reads."""
        return ("forward", "backward") if self.bidirectional else ("forward",)


class LanguageModelConfig(BaseModel):
    """The content of a pretrained language model's ``pretrained.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    cell: Literal["lstm"] = "lstm"
    tokenizer: TokenizerKind
    vocab_size: int = Field(ge=1, le=MAX_VOCABULARY)
    embedding_dim: Width
    hidden_size: Width
    num_layers: Depth
    direction: Literal["forward", "backward"]
