"""Command-line flags made from a settings class, so that the class is the only list of them."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from conveyor.model.errors import TrainingError
from conveyor.model.types import Chosen, Panel, spelled

Settings = TypeVar("Settings", bound=BaseModel)


def with_flags(settings: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a typer command with ``**flags`` one option for each field of a settings class.

    The command gets the flags that were used, by field name. In its help, the options come panel by
    panel: first those in none, then the panels in the order in which the settings name them.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        made = [_flag(name, field) for name, field in settings.model_fields.items()]

        @functools.wraps(command)
        def run(**arguments: Any) -> None:  # noqa: ANN401 - as the settings are
            unused = {flag.name for flag in made if arguments[flag.name] is None}
            command(**{name: arguments[name] for name in arguments.keys() - unused})

        named = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.kind is not p.VAR_KEYWORD]
        parameters = _by_panel([*named, *made], [None, *map(_panel, made)])
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def _flag(name: str, field: FieldInfo) -> inspect.Parameter:
    option = typer.Option(
        help=field.description,
        show_default=_default(field),
        rich_help_panel=next((each for each in field.metadata if isinstance(each, Panel)), None),
    )
    kind: Any = field.annotation
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _default(field: FieldInfo) -> str | bool:
    """Tell what a setting is without its flag; False where there is nothing to tell."""
    chosen = next((each for each in field.metadata if isinstance(each, Chosen)), None)
    return chosen or (False if field.default is None else str(field.default))


def _by_panel(
    parameters: list[inspect.Parameter], order: Iterable[str | None]
) -> list[inspect.Parameter]:
    """Sort parameters by panel, in this order; panels that are not in it come last."""
    panels = list(dict.fromkeys([*order, *map(_panel, parameters)]))
    return sorted(parameters, key=lambda parameter: panels.index(_panel(parameter)))


def _panel(parameter: inspect.Parameter) -> str | None:
    """Return the panel of a parameter that is annotated with an option."""
    [option] = parameter.annotation.__metadata__
    panel: str | None = option.rich_help_panel
    return panel


def parse_flags(settings: type[Settings], flags: Mapping[str, Any]) -> Settings:
    """Make settings of flags. Raises TrainingError for the first that is wrong."""
    try:
        return settings(**flags)
    except ValidationError as error:
        raise TrainingError(wrong_flag(error, flags)) from None


def wrong_flag(error: ValidationError, flags: Mapping[str, Any], prefix: str = "") -> str:
    """Tell in a sentence of the first wrong setting; one that is no flag came from ``prefix``."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    source = spelled(name) if name in flags else f"{prefix}{name.upper()}"
    says = first["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{source} {says}, but is {first['input']!r}."
