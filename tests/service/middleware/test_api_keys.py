import os
import pickle
from pathlib import Path

import pytest

from conveyor.service.middleware.api_keys import Keys, NoKeys
from conveyor.service.settings import Settings


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


def test_a_key_may_have_a_space_in_it() -> None:
    keys = Keys.from_settings(Settings(api_keys="two words"))
    assert keys is not None
    assert keys.match("Bearer two words") == 0
    assert keys.match("Bearer two") is None


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer b", "Bearer aa", "Basic a", "a", "Bearer é"]
)
def test_wrong_keys(header: str | None) -> None:
    keys = Keys.from_settings(Settings(api_keys="a"))
    assert keys is not None
    assert keys.match(header) is None


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbffirst\r\nschl\xc3\xbcssel\r\n",  # as Windows writes it
        b"first\rschl\xc3\xbcssel",
        b"\t first \n\n schl\xc3\xbcssel\n",
    ],
)
def test_keys_are_the_bytes_of_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)
    keys = Keys.from_settings(Settings(api_keys_file=tmp_path / "keys"))
    assert keys is not None
    shown = [b"first", "schlüssel".encode(), "schlüssel".encode("latin-1")]
    assert [keys.match(f"Bearer {key.decode('latin-1')}") for key in shown] == [0, 1, None]


def test_a_variable_that_is_no_utf_8_is_compared_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVEYOR_API_KEYS", os.fsdecode(b"cl\xe9,other"))
    keys = Keys.from_settings(Settings())
    assert keys is not None
    assert keys.match("Bearer cl\xe9") == 0


def test_every_character_can_be_in_a_key() -> None:
    """Also those whose last byte would be white space in Latin-1."""
    characters = [chr(code) for code in [*range(33, 127), *range(160, 0xD800, 97), 0xA0, 0x1F600]]
    keys = Keys.from_settings(Settings(api_keys=",".join(f"x{c}" for c in characters if c != ",")))
    assert keys is not None
    for character in characters:
        sent = f"x{character}".encode().decode("latin-1")
        assert (keys.match(f"Bearer {sent}") is not None) == (character != ","), character


@pytest.mark.parametrize("key", ["\x00", "a\x1bb", "a\x7f", "a\tb"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(NoKeys, match="control character"):
        Keys.from_settings(Settings(api_keys=f"{key}x"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"first\ncl\xe9\n", "keys, line 2 is no UTF-8: save"),
        ("first\n".encode("utf-16"), "keys, line 1 is no UTF-8: save"),
        (b"f\0i\0r\0s\0t\0", "control character"),
        (b"key\n" * 2**18 + b"\n", "keys is larger than 1,048,576 bytes"),
        (b"\xef\xbb\xbf", "there is none"),
    ],
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(NoKeys, match=says):
        Keys.from_settings(Settings(api_keys_file=tmp_path / "keys"))


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(NoKeys, match="is no file"):
            Keys.from_settings(Settings(api_keys_file=path))


def test_keys_can_be_handed_to_another_process() -> None:
    keys = Keys.from_settings(Settings(api_keys="secret"))
    handed = pickle.dumps(keys)
    assert b"secret" not in handed
    assert pickle.loads(handed) == keys


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
