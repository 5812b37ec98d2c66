import pytest

from conveyor.service.origins import origins


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("*", ["*"]),
        ("https://a.example", ["https://a.example"]),
        (" https://a.example/ ,http://b:8080,", ["https://a.example", "http://b:8080"]),
        ("HTTPS://A.Example", ["https://a.example"]),
        ("http://[::1]:3000/", ["http://[::1]:3000"]),
    ],
)
def test_origins_as_browsers_send_them(listed: str, found: list[str]) -> None:
    assert origins(listed) == found


@pytest.mark.parametrize(
    "wrong", ["a.example", "https://", "https://a.example/path", "null", "//a", "https://a?b"]
)
def test_what_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"such as https://example.org"):
        origins(wrong)
