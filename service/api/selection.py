"""A request's selection, in terms of the served model."""

from conveyor.model.network.cell import cell_of
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from conveyor.model.network.state import State
from conveyor.service.api.app_context import AppContext
from conveyor.service.api.schemas import StatesRequest
from conveyor.service.api.state_token import StateTokenError, from_token
from conveyor.service.errors import MAX_ECHO, InvalidRequest


def select(body: StatesRequest, config: ModelConfig) -> Selection:
    """Make the selection that a request asks of this model. Raises InvalidRequest."""
    if config.bidirectional:
        _refuse_what_needs_an_end(body)
    return Selection(
        tensors=_tensors(body, config),
        layers=_layers(body, config),
        directions=_directions(body, config),
        units=_units(body, config),
        steps=body.steps,
        summaries=body.summaries,
        step_scores=body.step_scores,
        contributions=body.contributions,
        end=body.return_state,
    )


def starts(body: StatesRequest, ctx: AppContext) -> list[State | None] | None:
    """Read the states that the texts go on from. Raises InvalidRequest if one cannot be used."""
    if body.state is None:
        return None
    if len(body.state) != len(body.inputs):
        raise InvalidRequest(
            f"There are {len(body.inputs):,} inputs, but {len(body.state):,} states. Send one "
            "for each input, null where a text begins."
        )
    if body.truncate:
        raise InvalidRequest(
            "truncate and state exclude each other, as what is cut off would be missing between "
            "the two. Send a long text in pieces."
        )
    config, sha256 = ctx.artifact.classifier.config, ctx.artifact.sha256
    states: list[State | None] = []
    for index, text in enumerate(body.state):
        try:
            states.append(text if text is None else from_token(text, config, sha256))
        except StateTokenError as error:
            raise InvalidRequest(f"state[{index}] {error}.") from None
    return states


def _refuse_what_needs_an_end(body: StatesRequest) -> None:
    for name, asked in (
        ("return_state", body.return_state),
        ("state", body.state is not None),
        ("step_scores", body.step_scores),
    ):
        if asked:
            raise InvalidRequest(
                f"{name} needs a model that only reads forward, but this one also reads "
                "backward, and that begins at the end of the whole text."
            )


def _tensors(body: StatesRequest, config: ModelConfig) -> tuple[str, ...] | None:
    if body.tensors is None:
        return None
    cell = cell_of(config)
    for index, name in enumerate(body.tensors):
        if name not in cell.TENSORS:
            known = " and ".join(f'"{known}"' for known in cell.TENSORS)
            raise InvalidRequest(
                f'tensors[{index}] is "{name}", but the model is {cell.NAME}, which only has '
                f"{known}."
            )
    return tuple(body.tensors)


def _layers(body: StatesRequest, config: ModelConfig) -> tuple[int, ...] | None:
    if body.layers is None:
        return None
    count = config.num_layers
    layers: list[int] = []
    for index, layer in enumerate(body.layers):
        if not -count <= layer < count:
            raise InvalidRequest(
                f"layers[{index}] is {_short(layer)}, but the model's layers are 0 to {count - 1}."
            )
        if layer % count in layers:
            raise InvalidRequest(
                f"layers[{index}] is {layer}, which is named before. Name each layer once."
            )
        layers.append(layer % count)
    return tuple(layers)


def _directions(body: StatesRequest, config: ModelConfig) -> tuple[str, ...] | None:
    if body.directions is None:
        return None
    if "backward" in body.directions and not config.bidirectional:
        raise InvalidRequest('directions asks for "backward", but the model only reads "forward".')
    return tuple(body.directions)


def _units(body: StatesRequest, config: ModelConfig) -> list[int] | None:
    if body.units is None:
        return None
    size = config.hidden_size
    units: dict[int, None] = {}  # in the order in which they are named
    for index, wish in enumerate(body.units):
        if not isinstance(wish, slice) and not -size <= wish < size:
            raise InvalidRequest(
                f"units[{index}] is {_short(wish)}, but the model's units are 0 to {size - 1}."
            )
        for unit in range(size)[wish] if isinstance(wish, slice) else [wish % size]:
            if unit in units:
                raise InvalidRequest(
                    f"units[{index}] names unit {unit}, which is named before. Name each unit once."
                )
            units[unit] = None
    if not units:
        raise InvalidRequest(f"units selects none of the model's units, 0 to {size - 1}.")
    return list(units)


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= MAX_ECHO else f"{text[:MAX_ECHO]}..."
