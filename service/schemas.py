"""The bodies of requests and answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from model.config import ModelConfig


def _as_list(inputs: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(inputs, str):
        return [inputs]
    if not isinstance(inputs, list) or not inputs:
        raise ValueError("should be a text or a list of at least one text")
    return inputs


def _is_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds a lone surrogate: send whole Unicode characters") from None
    return text


def _whole(number: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """In JSON, 1.0 is an integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Inputs = Annotated[
    list[Annotated[str, AfterValidator(_is_unicode)]],
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


class TextsRequest(_Body):
    """Texts, and what to do with one that is longer than the model reads."""

    inputs: Inputs
    truncate: bool = Field(
        default=False,
        description="Read only the end of a text that is too long, instead of refusing it.",
    )


class PredictParameters(_Body):
    """How much of the answer to send."""

    top_k: Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None = Field(
        default=None, description="How many labels to name for each text; all, if not given."
    )


class PredictRequest(TextsRequest):
    """The body of ``POST /predict``."""

    parameters: PredictParameters = PredictParameters()


class StatesRequest(TextsRequest):
    """The body of ``POST /states``."""


class LabelScore(BaseModel):
    """A label and its probability."""

    label: str
    score: float = Field(ge=0, le=1)


class LayerStates(BaseModel):
    """What one layer held after each token, reading in one direction: tokens x units."""

    layer: int = Field(ge=0, description="0 is the layer that reads the embedded tokens.")
    direction: Literal["forward", "backward"]
    hidden: list[list[float]] = Field(description="h, the state: tokens x units.")
    cell: list[list[float]] = Field(description="c, the conveyor belt: tokens x units.")


class TextStates(BaseModel):
    """One text as the network read it."""

    tokens: list[str] = Field(description="The piece of the text that each token stands for.")
    ids: list[int] = Field(description="The tokens' numbers in the vocabulary.")
    offsets: list[tuple[int, int]] = Field(
        description="Start and end of each token in the text, in characters (code points)."
    )
    truncated: bool = Field(description="Whether only the end of the text was read.")
    prediction: list[LabelScore] = Field(description="As /predict answers it, best label first.")
    layers: list[LayerStates]


class StatesResponse(BaseModel):
    """The answer of ``POST /states``: one result a text, in the order of the inputs."""

    results: list[TextStates]


class ArtifactInfo(BaseModel):
    """Which model is served."""

    name: str
    sha256: str = Field(description="Hash of the files that decide the answers.")


class ParameterInfo(BaseModel):
    """How many numbers the model has."""

    formula: str = Field(description="4*h*(h+x) for each layer and direction.")
    recurrent_by_formula: int
    recurrent: int = Field(description="With PyTorch's two biases.")
    embedding: int
    head: int
    total: int


class Limits(BaseModel):
    """What a request may ask for."""

    max_body_bytes: int
    max_inputs: int
    max_tokens: int
    max_response_bytes: int


class Info(BaseModel):
    """The answer of ``GET /info``."""

    artifact: ArtifactInfo
    config: ModelConfig
    labels: list[str]
    parameters: ParameterInfo
    limits: Limits
    threads: int = Field(description="Processor threads that a prediction may use.")
    versions: dict[str, str]


class Status(BaseModel):
    """The answer of a health check that is passed."""

    status: Literal["ok"] = "ok"
