"""Flags made of settings: their panels in the help, and their order."""

import inspect
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field

from conveyor.model.cli.flags import with_flags
from conveyor.model.types import Panel


class Settings(BaseModel):
    width: Annotated[int, Field(ge=1), Panel.NETWORK] = 8
    epochs: int = 3
    decay: Annotated[float, Panel.REGULARIZATION] = 0.1
    depth: Annotated[int, Panel.NETWORK] = 1


def test_panels_come_in_the_order_of_the_settings_and_what_is_in_none_first() -> None:
    @with_flags(Settings)
    def command(
        vectors: Annotated[str, typer.Option(rich_help_panel=Panel.STARTING_POINT)],
        shrink: Annotated[str, typer.Option(rich_help_panel=Panel.REGULARIZATION)],
        data: Annotated[str, typer.Option()],
        **flags: Any,
    ) -> None:
        used.update(flags, vectors=vectors, shrink=shrink, data=data)

    used: dict[str, Any] = {}
    names = list(inspect.signature(command).parameters)
    assert names == ["data", "epochs", "width", "depth", "shrink", "decay", "vectors"]
    own = {"data": "a", "vectors": "b", "shrink": "c"}
    command(**own, width=5, epochs=None, decay=None, depth=None)
    assert used == own | {"width": 5}
