import pytest

from conveyor.service.api.request_context import RequestContext, content_length


@pytest.mark.parametrize(
    ("length", "bytes_"),
    [
        (None, 0),
        ("", 0),
        ("12", 12),
        ("-1", 0),
        ("+1", 0),
        ("1_000", 0),
        ("1e3", 0),
        ("12, 12", 0),
        ("\u0661", 0),
        ("\u00b2", 0),
        ("0x1", 0),
        ("9" * 5000, 0),
    ],
)
def test_a_length_that_is_no_plain_number_is_none(length: str | None, bytes_: int) -> None:
    headers = {} if length is None else {"content-length": length}
    assert content_length(headers) == bytes_


def test_a_request_has_one_context_which_a_copy_of_its_scope_shares() -> None:
    scope = {"client": ("10.0.0.1", 5000), "headers": [(b"content-length", b"12")]}
    begun = RequestContext.begin(scope)
    RequestContext.of({**scope}).accepted = True
    assert begun == RequestContext("10.0.0.1", content_length=12, body_bytes=0, accepted=True)


def test_a_caller_without_an_address_has_a_turn_too() -> None:
    assert RequestContext.begin({"client": None, "headers": []}).client == ""
