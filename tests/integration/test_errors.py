"""Bad input: each kind has its status and a sentence that helps, and the server serves on."""

import gzip
import json
import logging
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from conveyor.model.artifact import storage
from conveyor.service.api.schemas import StatesRequest
from conveyor.service.app import create_app
from conveyor.service.metrics.batches import BatchMetrics
from conveyor.service.settings import Settings
from tests.asgi import ask
from tests.conftest import random_classifier
from tests.integration.conftest import Server
from tests.process import PATIENCE

JSON = {"content-type": "application/json"}


def many_keys(count: int) -> bytes:
    return b'{"inputs": "a"' + b"".join(b',"a%d":1' % number for number in range(count)) + b"}"


WRONG_BODIES = [
    (b"{", 400, "malformed_json", "read as JSON: unexpected end of data, at character 2"),
    (b'{"inputs": "a",}', 400, "malformed_json", "trailing comma is not allowed, at character 15"),
    (b"inputs", 400, "malformed_json", "read as JSON: unexpected character"),
    (b'{"inputs": "\xff\xfe"}', 400, "malformed_json", "not JSON in UTF-8: byte 13 is 0xff"),
    ('{"inputs": "a"}'.encode("utf-16"), 400, "malformed_json", "not JSON in UTF-8: byte 1 is"),
    (
        b'{"inputs": "a\x00b"}',
        400,
        "malformed_json",
        "control character in string, at character 14",
    ),
    (b"[" * 5000, 400, "malformed_json", "read as JSON: depth limit exceeded"),
    (b"[" * 100_000, 413, "too_large", "more than 10,128 values, which no request needs"),
    (b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}", 422, "invalid_request", r"inputs\[0\] shou"),
    (b'{"inputs": NaN}', 400, "malformed_json", "read as JSON"),
    (b'{"inputs": -Infinity}', 400, "malformed_json", "read as JSON"),
    (b'{"inputs": 1e999}', 400, "malformed_json", "read as JSON: number is infinity"),
    (b'{"inputs": 1' + b"0" * 5000 + b"}", 400, "malformed_json", "number is infinity when parsed"),
    (b'{"inputs": ' + b"9" * 300 + b"}", 422, "invalid_request", "inputs should be a text or a l"),
    (b'{"inputs": [' + b"1," * 900_000 + b"1]}", 413, "too_large", "more than 10,128 values"),
    (b'{"inputs": [' + b'"",' * 600_000 + b'""]}', 413, "too_large", "more than 10,128 values"),
    (b'{"inputs": [' + b"{}," * 600_000 + b"{}]}", 413, "too_large", "more than 10,128 values"),
    (
        b'{"inputs": [' + b"1," * 9000 + b"1]}",
        422,
        "invalid_request",
        r"inputs\[0\] should be a va",
    ),
    (many_keys(9000), 422, "invalid_request", "^a0 is not a field"),
    (many_keys(100_000), 413, "too_large", "more than 10,128 values"),
    (b'{"a": 1, "a": 2}', 422, "invalid_request", "^a is not a field"),
    (b"", 422, "invalid_request", r'must be a JSON object such as {"inputs": "a text"}'),
    (b"null", 422, "invalid_request", "must be a JSON object"),
    (b"[]", 422, "invalid_request", "must be a JSON object"),
    (b'"a text"', 422, "invalid_request", "must be a JSON object"),
    (b"{}", 422, "invalid_request", "inputs is missing"),
    (b'{"inputs": null}', 422, "invalid_request", "inputs should be a text or a list"),
    (b'{"inputs": 3}', 422, "invalid_request", "inputs should be a text or a list"),
    (b'{"inputs": {"a": 1}}', 422, "invalid_request", "inputs should be a text or a list"),
    (b'{"inputs": []}', 422, "invalid_request", "a list of at least one text"),
    (b'{"inputs": ["a", 3]}', 422, "invalid_request", r"inputs\[1\] should be a valid string"),
    (b'{"inputs": [["a"]]}', 422, "invalid_request", r"inputs\[0\] should be a valid string"),
    (b'{"inputs": ["a", null]}', 422, "invalid_request", r"inputs\[1\] should be a valid string"),
    (b'{"inputs": "\\ud800"}', 400, "malformed_json", "no low surrogate in string, at char"),
    (b'{"inputs": ["a", "\\udc00b"]}', 400, "malformed_json", "invalid high surrogate in string"),
    (b'{"inputs": "a", "truncate": "yes"}', 422, "invalid_request", "truncate should be a valid b"),
    (b'{"inputs": "a", "input": "b"}', 422, "invalid_request", "input is not a field"),
    (b'{"inputs": "a", "' + b"x" * 999 + b'": 1}', 422, "invalid_request", r"^x{60}\.\.\. is not"),
    (b'{"inputs": "a", "<\\n\\u0000>": 1}', 422, "invalid_request", r"'<\\n\\x00>' is not a fi"),
]
WRONG_PARAMETERS = [
    ("{}", 422, "parameters should be"),
    ({"top_k": -(2**63)}, 422, "parameters.top_k should be greater than or equal to 1"),
    ({"top_k": 0}, 422, "parameters.top_k should be greater than or equal to 1"),
    ({"top_k": "1"}, 422, "parameters.top_k should be a valid integer"),
    ({"top_k": True}, 422, "parameters.top_k should be a valid integer"),
    ({"top_k": 1.5}, 422, "parameters.top_k should be a valid integer"),
    ({"topk": 1}, 422, "parameters.topk is not a field"),
]


@pytest.fixture(autouse=True)
def it_serves_on(client: httpx.Client) -> Iterator[None]:
    yield
    assert client.post("/predict", json={"inputs": "a wonderful film"}).status_code == 200


def assert_error(answer: httpx.Response, status: int, kind: str, says: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "error_type"}
    assert body["error_type"] == kind
    assert re.search(says, body["error"]), body["error"]
    assert body["error"].endswith(".")
    assert "\n" not in body["error"]
    assert answer.headers["x-request-id"]
    assert float(answer.headers["x-total-time"]) >= 0


@pytest.mark.parametrize("path", ["/predict", "/states"])
@pytest.mark.parametrize(("body", "status", "kind", "says"), WRONG_BODIES)
def test_a_wrong_body(
    client: httpx.Client, path: str, body: bytes, status: int, kind: str, says: str
) -> None:
    assert_error(client.post(path, content=body, headers=JSON), status, kind, says)


@pytest.mark.parametrize(("parameters", "status", "says"), WRONG_PARAMETERS)
def test_wrong_parameters(client: httpx.Client, parameters: object, status: int, says: str) -> None:
    answer = client.post("/predict", json={"inputs": "a", "parameters": parameters})
    assert_error(answer, status, "invalid_request", says)


def test_states_have_no_parameters(client: httpx.Client) -> None:
    answer = client.post("/states", json={"inputs": "a", "parameters": {"top_k": 1}})
    assert_error(answer, 422, "invalid_request", "parameters is not a field")


@pytest.mark.parametrize("path", ["/predict", "/states"])
@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_a_wrong_content_type(client: httpx.Client, path: str, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = client.post(path, content=b'{"inputs": "a"}', headers=headers)
    assert_error(answer, 415, "unsupported_media_type", "content-type: application/json")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/hal+json"]
)
def test_content_types_that_are_json(client: httpx.Client, kind: str) -> None:
    answer = client.post("/predict", content=b'{"inputs": "a"}', headers={"content-type": kind})
    assert answer.status_code == 200


ODD_BODIES = [
    b'\xef\xbb\xbf{"inputs": "a"}',
    b'{"inputs": "b", "inputs": "a"}',  # the last one counts, as everywhere
    b'{"inputs": "a", "truncate": null}',
    b' {"inputs" :\n["a"]\t}\r\n ',
    b'{"inputs": "' + b"[{," * 150 + b'"}',
    b'{"inputs": "' + rb"\"[,\\" * 80 + b'"}',
]


@pytest.mark.parametrize("path", ["/predict", "/states"])
@pytest.mark.parametrize("body", ODD_BODIES)
def test_odd_bodies_that_are_right(client: httpx.Client, path: str, body: bytes) -> None:
    assert client.post(path, content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize("mark", [b"[{,", rb"\"[,", rb"\\[,"])
def test_what_stands_in_a_text_is_no_value(client: httpx.Client, mark: bytes) -> None:
    body = b'{"truncate": true, "inputs": "' + mark * 20_000 + b'"}'
    assert client.post("/predict", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "parameters", [None, {}, {"top_k": None}, {"top_k": 1e300}, {"top_k": 2.0}]
)
def test_parameters_that_are_right(client: httpx.Client, parameters: object) -> None:
    answer = client.post("/predict", json={"inputs": "a", "parameters": parameters})
    assert answer.status_code == 200
    assert len(answer.json()[0]) == 2


def test_null_is_as_if_a_field_were_left_out(client: httpx.Client) -> None:
    fields = set(StatesRequest.model_fields) - {"inputs"}
    plain = client.post("/states", json={"inputs": "a film"}).json()
    nulls = dict.fromkeys(fields)
    assert client.post("/states", json={"inputs": "a film", **nulls}).json() == plain


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd, identity"])
def test_a_body_with_a_coding(client: httpx.Client, coding: str) -> None:
    body, headers = gzip.compress(b'{"inputs": "a"}'), JSON | {"content-encoding": coding}
    answer = client.post("/predict", content=body, headers=headers)
    assert_error(answer, 415, "unsupported_media_type", f"the content-encoding '{coding}'. Send it")
    assert answer.headers["accept-encoding"] == "identity"
    headers["content-encoding"] = "Identity"
    assert client.post("/predict", content=b'{"inputs": "a"}', headers=headers).status_code == 200


def test_escaped_nul_bytes_and_surrogate_pairs_are_text(client: httpx.Client) -> None:
    body = b'{"inputs": ["a\\u0000b", "\\ud83d\\ude00"]}'
    answer = client.post("/states", content=body, headers=JSON)
    assert answer.status_code == 200
    tokens = [result["tokens"] for result in answer.json()["results"]]
    assert tokens == [["a", "\0", "b"], ["😀"]]


def test_a_text_of_unknown_tokens_is_answered(client: httpx.Client) -> None:
    answer = client.post("/states", json={"inputs": "zyx 房 😀"})
    assert answer.status_code == 200
    assert set(answer.json()["results"][0]["ids"]) == {1}


def test_too_many_inputs(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": ["a"] * 10_000})
    assert_error(answer, 413, "too_large", "10,000 inputs, but one request takes at most 64")


def test_a_text_that_is_far_too_long_is_not_even_tokenized(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": ["a", "!" * 1_900_000]})
    assert_error(answer, 413, "too_large", r"inputs\[1\] has 1,900,000 characters, .* 600 tokens")


def test_of_a_text_that_is_far_too_long_the_end_is_read(client: httpx.Client) -> None:
    body = {"inputs": "!" * 100_000 + " wonderful", "truncate": True}
    [result] = client.post("/states", json=body).json()["results"]
    assert result["truncated"] is True
    assert len(result["tokens"]) == 600
    assert result["tokens"][-2:] == ["!", "wonderful"]
    assert result["offsets"][-1] == [100_001, 100_010]


def test_an_answer_with_too_many_labels() -> None:
    app = create_app(
        Settings(max_response_bytes=500), storage.Artifact("random", "0", random_classifier())
    )

    texts = {"inputs": ["a"] * 9}
    [refused] = ask(app, ("POST", "/predict"), body=texts)
    [answered] = ask(app, ("POST", "/predict"), body=texts | {"parameters": {"top_k": 1}})
    # 3 labels of at most 14 bytes ("mixed feelings"), and 36 bytes beside each
    assert_error(refused, 413, "too_large", "3 labels for each of 9 texts would be about 1,350 by")
    assert answered.status_code == 200
    assert len(answered.content) < 9 * 50


def test_a_text_that_is_too_long(client: httpx.Client) -> None:
    answer = client.post("/predict", json={"inputs": ["a", "film " * 601]})
    says = r'inputs\[1\] has more than 600 tokens, .* the model reads\. .* "truncate": true'
    assert_error(answer, 413, "too_large", says)


@pytest.mark.parametrize("path", ["/predict", "/states"])
def test_a_text_of_five_megabytes(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={"inputs": "a" * 5_000_000})
    assert_error(answer, 413, "too_large", "larger than 2,000,000 bytes")


def test_a_body_that_is_just_small_enough(client: httpx.Client) -> None:
    body = json.dumps({"inputs": ["good"]}).encode()
    padded = body + b" " * (2_000_000 - len(body))
    assert client.post("/predict", content=padded, headers=JSON).status_code == 200
    answer = client.post("/predict", content=padded + b" ", headers=JSON)
    assert_error(answer, 413, "too_large", "larger than 2,000,000 bytes")


@pytest.mark.parametrize("declared", [True, False])
def test_a_huge_body_is_refused_while_it_arrives(server: Server, declared: bool) -> None:
    """The refusal comes although most of the 100 MB, or the end of the chunks, never does."""
    host, port = server.url.removeprefix("http://").split(":")
    length = "content-length: 100000000" if declared else "transfer-encoding: chunked"
    lines = ["POST /predict HTTP/1.1", f"host: {host}", "content-type: application/json", length]
    part = b"a" * 65_536 if declared else b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        for _ in range(1 if declared else 40):  # 2.6 MB, where 2 MB are allowed
            connection.sendall(part)
        answer = b""
        while b"error_type" not in answer:
            answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"The body is larger than 2,000,000 bytes" in answer


@pytest.mark.parametrize("declared", [True, False])
def test_an_ordinary_client_reads_the_refusal_of_a_huge_body(
    client: httpx.Client, declared: bool
) -> None:
    chunks = (b"a" * 1_000_000 for _ in range(100))
    answer = client.post(
        "/predict", content=b"a" * 100_000_000 if declared else chunks, headers=JSON
    )
    assert_error(answer, 413, "too_large", "larger than 2,000,000 bytes")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("PUT", "/states", "POST"),
        ("POST", "/info", "GET, HEAD"),
        ("DELETE", "/livez", "GET, HEAD"),
        ("PATCH", "/readyz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_a_wrong_method(client: httpx.Client, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    says = f"{method} is not allowed here. Send {allowed.replace(', ', ' or ')}"
    assert_error(answer, 405, "method_not_allowed", says)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/nope", "/predict/", "/predict/x", "/%00", "/%ff", "/🙂", "/" + "x" * 9999]
)
def test_an_unknown_path(client: httpx.Client, path: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path, content=b"a" * 3_000_000 if method == "POST" else b"")
        assert_error(answer, 404, "not_found", "nothing at '/.*'. GET /docs lists")


def test_a_fault_of_ours_is_logged_and_not_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = random_classifier()
    app = create_app(Settings(), storage.Artifact("broken", "0", classifier))
    monkeypatch.setattr(type(classifier), "reader", lambda _: 1 / 0)
    with caplog.at_level(logging.INFO):
        [answer] = ask(app, ("POST", "/predict"))
    assert_error(answer, 500, "internal", "the reason under the x-request-id")
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in caplog.text
    assert "POST /predict 500" in caplog.text


def test_a_service_that_is_shut_down_is_not_ready() -> None:
    app = create_app(Settings(), storage.Artifact("random", "0", random_classifier()))
    questions = [("GET", "/readyz"), ("POST", "/predict"), ("GET", "/livez")]
    assert [answer.status_code for answer in ask(app, *questions)] == [200, 200, 200]
    ready, predicted, alive = ask(app, *questions, started=False)
    assert_error(ready, 503, "unavailable", "is not running")
    assert_error(predicted, 503, "unavailable", "another replica")
    assert alive.status_code == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_service_whose_model_has_died_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(BatchMetrics, "step", die)  # of which the model's thread does not expect it
    app = create_app(Settings(), storage.Artifact("random", "0", random_classifier()))
    questions = [("GET", "/readyz"), ("POST", "/predict"), ("GET", "/readyz"), ("POST", "/states")]
    before, predicted, after, traced = ask(app, *questions)
    assert before.status_code == 200
    assert_error(predicted, 503, "unavailable", "another replica")
    assert_error(after, 503, "unavailable", "is not running. Restart the service")
    assert_error(traced, 503, "unavailable", "is not running")
