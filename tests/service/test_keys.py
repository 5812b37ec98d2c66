from pathlib import Path

import pytest

from service.keys import Keys, NoKeys
from service.settings import Settings


def test_without_the_settings_nobody_needs_a_key() -> None:
    assert Keys.from_settings(Settings()) is None


def test_keys_come_from_the_setting_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("third\n\n  fourth \n")
    keys = Keys.from_settings(Settings(api_keys="first, second,", api_keys_file=file))
    assert keys is not None
    names = ("first", "second", "third", "fourth")
    assert [keys.match(f"Bearer {name}") for name in names] == [0, 1, 2, 3]
    assert keys.match("bearer fourth") == 3


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer b", "Bearer aa", "Basic a", "a", "Bearer é"]
)
def test_wrong_keys(header: str | None) -> None:
    keys = Keys.from_settings(Settings(api_keys="a"))
    assert keys is not None
    assert keys.match(header) is None


def test_keys_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for settings in (Settings(api_keys=" ,"), Settings(api_keys_file=tmp_path / "empty")):
        with pytest.raises(NoKeys, match="there is none"):
            Keys.from_settings(settings)
    with pytest.raises(FileNotFoundError):
        Keys.from_settings(Settings(api_keys_file=tmp_path / "missing"))


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(Settings(api_keys="secret"))
    assert "secret" not in repr(Keys.from_settings(Settings(api_keys="secret")))
