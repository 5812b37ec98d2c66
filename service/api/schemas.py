"""The bodies of requests and answers.

A check ends at the first thing that is wrong, in a list as among the names of fields: an error for
each of a million would cost seconds and gigabytes. So every list has a longest length.
"""

import re
from collections.abc import Hashable
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from conveyor.model.artifact.identity import ArtifactInfo
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.parameters import ParameterInfo
from conveyor.service.errors import UNKNOWN_FIELD

T = TypeVar("T", bound=Hashable)

# Items of `units`: more single units than this are named as ranges.
MAX_UNITS = 4096
MAX_LAYERS = 128  # twice as many as any model has, as they count from the top as well


def _as_list(inputs: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(inputs, str):
        return [inputs]
    if not isinstance(inputs, list) or not inputs:
        raise ValueError("should be a text or a list of at least one text")
    return inputs


def _integral(number: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Take 1.0 for an integer, as JSON does."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _once(names: list[T]) -> list[T]:
    """Refuse a name that comes twice: it would be computed and sent again."""
    seen: set[T] = set()
    for name in names:
        if name in seen:
            raise ValueError(f'should name "{name}" once')
        seen.add(name)
    return names


# A field that may be left out: null is as if it were.
Flag = Annotated[
    bool,
    BeforeValidator(lambda value: False if value is None else value),
    WithJsonSchema({"type": ["boolean", "null"]}),
]


Inputs = Annotated[
    list[str],
    Field(fail_fast=True),
    BeforeValidator(_as_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ],
            "description": "One text, or several.",
            "examples": [["A wonderful, moving film.", "Dull and far too long."]],
        }
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_no_other_field(cls, body: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
        if isinstance(body, dict):
            for name in body:
                if name not in cls.model_fields:
                    raise PydanticCustomError(UNKNOWN_FIELD, "{name}", {"name": name})
        return body


class TextsRequest(_Body):
    """Texts, and the choice to truncate those that are longer than the model reads."""

    inputs: Inputs
    truncate: Flag = Field(
        default=False,
        description="Read only the end of a text that is too long, instead of refusing it.",
    )


class PredictParameters(_Body):
    """The part of the answer to send."""

    top_k: Annotated[int, Field(ge=1), BeforeValidator(_integral)] | None = Field(
        default=None, description="Number of labels to name for each text; all, if not given."
    )


class PredictRequest(TextsRequest):
    """The body of ``POST /predict``."""

    parameters: PredictParameters | None = None

    @property
    def top_k(self) -> int | None:
        """The number of labels to name for each text; None for all."""
        return self.parameters.top_k if self.parameters else None


# start:stop:stride, as in a Python slice; a number below zero counts from the end.
SLICE = r"^(-?[0-9]{1,9})?:(-?[0-9]{1,9})?(:([1-9][0-9]{0,8})?)?$"
MAX_DECIMALS = 7  # float32 has no more


def _slice(value: Any) -> slice:  # noqa: ANN401 - whatever JSON can hold
    if not isinstance(value, str) or not re.match(SLICE, value):
        raise ValueError('should be a range such as "0:10", "-1:" or "::5" (start:stop:stride)')
    return slice(*(int(part) if part.strip() else None for part in value.split(":")))


def _unit(value: Any) -> int | slice:  # noqa: ANN401 - whatever JSON can hold
    number = _integral(value)
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    if isinstance(value, str):
        return _slice(value)
    raise ValueError('should be the number of a unit or a range such as "0:10"')


def _states(value: Any) -> list[str | None] | None:  # noqa: ANN401 - whatever JSON can hold
    if value is None:
        return None
    states = value if isinstance(value, list) else [value]
    if not all(state is None or isinstance(state, str) for state in states):
        raise ValueError("should be the state of a text, or a list with one or null for each text")
    return states


TensorName = Literal["hidden", "cell", "forget_gate", "input_gate", "candidate", "output_gate"]
Direction = Literal["forward", "backward"]
_SLICE_SCHEMA = {"type": "string", "pattern": SLICE}


class StatesRequest(TextsRequest):
    """The body of ``POST /states``. A selection that is left out is of all there is."""

    tensors: (
        Annotated[
            list[TensorName],
            Field(max_length=len(get_args(TensorName)), fail_fast=True),
            AfterValidator(_once),
        ]
        | None
    ) = Field(
        default=None,
        description="Tensors; none with an empty list. A simple RNN only has hidden.",
    )
    layers: (
        Annotated[
            list[Annotated[int, BeforeValidator(_integral)]],
            Field(min_length=1, max_length=MAX_LAYERS, fail_fast=True),
        ]
        | None
    ) = Field(default=None, description="Layers, from 0, each once; -1 is the top one.")
    directions: (
        Annotated[
            list[Direction],
            Field(min_length=1, max_length=len(get_args(Direction)), fail_fast=True),
            AfterValidator(_once),
        ]
        | None
    ) = Field(default=None, description="Directions of reading.")
    units: (
        Annotated[
            list[
                Annotated[
                    int | slice,
                    PlainValidator(_unit),
                    WithJsonSchema({"anyOf": [{"type": "integer"}, _SLICE_SCHEMA]}),
                ]
            ],
            Field(min_length=1, max_length=MAX_UNITS, fail_fast=True),
        ]
        | None
    ) = Field(
        default=None,
        description="Units, in this order, each once: numbers from 0, and ranges such as 0:10.",
        examples=[[0, 7, "100:110"]],
    )
    steps: Annotated[slice, PlainValidator(_slice), WithJsonSchema(_SLICE_SCHEMA)] | None = Field(
        default=None,
        description="Steps, as start:stop:stride; numbers below 0 count from the end.",
        examples=["-1:", "::10"],
    )
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS), BeforeValidator(_integral)] | None = (
        Field(default=None, description="Round the numbers of JSON; by default, they are exact.")
    )
    step_scores: Flag = Field(
        default=False, description="Add the labels' probabilities after each step."
    )
    contributions: Flag = Field(
        default=False,
        description="Add what each unit of the top layer contributes to each label.",
    )
    summaries: Flag = Field(
        default=False, description="Add saturation, norms and retention of each layer."
    )
    return_state: Flag = Field(
        default=False, description="Add where each text ends, for its continuation."
    )
    state: Annotated[
        list[str | None] | None,
        PlainValidator(_states),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": ["string", "null"]}},
                    {"type": "null"},
                ]
            }
        ),
    ] = Field(
        default=None,
        description="The state of the text before: one, or one (or null) for each input.",
    )


class LabelScore(BaseModel):
    """A label and its probability."""

    label: str
    score: float = Field(ge=0, le=1)


class Summaries(BaseModel):
    """Summaries of the tensors of one layer and direction, over the selected units.

    A model without gates and a cell state, a simple RNN, only has ``hidden_norm``.
    """

    retention: list[list[int]] | None = Field(
        default=None,
        description="Steps back from which a value in the cell state still counts: steps x units.",
    )
    forget_gate_closed: list[float] | None = Field(
        default=None, description="Share of the units below 0.1, per step."
    )
    forget_gate_open: list[float] | None = Field(
        default=None, description="Share of the units above 0.9, per step."
    )
    input_gate_closed: list[float] | None = None
    input_gate_open: list[float] | None = None
    output_gate_closed: list[float] | None = None
    output_gate_open: list[float] | None = None
    hidden_norm: list[float] = Field(description="Euclidean norm of h, per step.")
    cell_norm: list[float] | None = Field(
        default=None, description="Euclidean norm of c, per step."
    )


class LayerStates(BaseModel):
    """The tensors of one layer and direction at each selected step: steps x units."""

    layer: int = Field(ge=0, description="0 is the layer that reads the embedded tokens.")
    direction: Direction
    hidden: list[list[float]] | None = Field(default=None, description="h, the hidden state.")
    cell: list[list[float]] | None = Field(default=None, description="c, the cell state.")
    forget_gate: list[list[float]] | None = Field(default=None, description="f, 0 to 1.")
    input_gate: list[list[float]] | None = Field(default=None, description="i, 0 to 1.")
    candidate: list[list[float]] | None = Field(default=None, description="The new value, -1 to 1.")
    output_gate: list[list[float]] | None = Field(default=None, description="o, 0 to 1.")
    summaries: Summaries | None = None


class Contributions(BaseModel):
    """The contributions of the top layer's units to the labels, by direction.

    The logit of a label is its bias and the contributions of all units of all directions.
    """

    bias: list[float] = Field(description="The bias of each label.")
    forward: list[list[float]] | None = Field(default=None, description="Labels x units.")
    backward: list[list[float]] | None = Field(default=None, description="Labels x units.")


class TextStates(BaseModel):
    """One text as the network read it. What was not asked for is left out."""

    tokens: list[str] = Field(description="The piece of the text that each token stands for.")
    ids: list[int] = Field(description="The tokens' numbers in the vocabulary.")
    offsets: list[tuple[int, int]] = Field(
        description="Start and end of each token in the text, in characters (code points)."
    )
    truncated: bool = Field(description="True if only the end of the text was read.")
    prediction: list[LabelScore] = Field(description="As /predict answers it, best label first.")
    steps: list[int] = Field(description="The selected steps, as numbers of tokens.")
    step_scores: list[list[float]] | None = Field(
        default=None, description="Probabilities after each selected step: steps x labels."
    )
    contributions: Contributions | None = None
    layers: list[LayerStates]
    state: str | None = Field(
        default=None, description="The state in which the text ends, for its continuation."
    )


class StatesResponse(BaseModel):
    """The answer of ``POST /states``: one result a text, in the order of the inputs."""

    labels: list[str] = Field(
        description="The labels, in the order of step_scores and contributions."
    )
    units: list[int] = Field(description="The selected units, in the order of the tensors.")
    results: list[TextStates]


class Limits(BaseModel):
    """The limits on requests."""

    max_body_bytes: int
    max_inputs: int
    max_tokens: int
    max_batch_tokens: int
    max_queued_tokens: int
    max_response_bytes: int
    max_connections: int
    request_seconds: float


class Info(BaseModel):
    """The answer of ``GET /info``."""

    artifact: ArtifactInfo
    config: ModelConfig
    labels: list[str]
    parameters: ParameterInfo
    limits: Limits
    threads: int = Field(description="Processor threads that a prediction may use.")
    workers: int = Field(description="Processes that should serve.")
    ready_workers: int = Field(description="Processes that serve.")
    versions: dict[str, str]


class Status(BaseModel):
    """The answer of a health check that is passed."""

    status: Literal["ok"] = "ok"
