from pathlib import Path

import pytest
from pydantic import ValidationError

from conveyor import SHIPPED
from conveyor.service.settings import Settings


def test_variables_set_what_flags_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEYOR_PORT", "1")
    monkeypatch.setenv("CONVEYOR_MODEL", "/a")
    settings = Settings(port=2)
    assert settings.port == 2
    assert settings.model == Path("/a")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CONVEYOR_{name.upper()}", "")
    assert Settings() == Settings.model_construct()


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 3  # type: ignore[misc]


def test_the_default_model_is_the_shipped_one() -> None:
    assert Settings().model == SHIPPED
    assert (SHIPPED / "config.json").exists()


def test_every_setting_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
