"""The page at /: what is sent of it, to whom, and that it can be switched off."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Server, serving

PAGE = files("service") / "inspector"


def test_the_page_is_there_with_a_strict_policy(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_all_that_the_page_names_is_there(client: httpx.Client) -> None:
    seen: set[str] = set()
    to_see = re.findall(r'(?:href|src)="([^"]+)"', client.get("/").text)
    while to_see:
        path = to_see.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(f"/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"]
        kind = answer.headers["content-type"]
        assert kind.startswith(
            {"js": "text/javascript", "css": "text/css"}.get(path[-3:].strip("."), "image/svg")
        )
        if path.endswith(".js"):
            directory = path.rpartition("/")[0]
            for name in re.findall(
                r"""^(?:import|\} from|export)[^'"\n]*['"](\.[^'"]+)['"]""",
                answer.text,
                re.MULTILINE,
            ):
                to_see.append(str(httpx.URL(f"http://a/{directory}/").join(name).path).lstrip("/"))
    there = {
        f"inspector/{path.relative_to(str(PAGE))}"
        for path in Path(str(PAGE)).rglob("*.*")
        if path.name != "index.html"
    }
    assert seen == there


def test_the_licences_of_copied_modules_are_sent_as_text(client: httpx.Client) -> None:
    for path in (Path(str(PAGE)) / "vendor").iterdir():
        answer = client.get(f"/inspector/vendor/{path.name}/LICENSE")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text.startswith("Copyright")


TYPEDEF = re.compile(r"@typedef \{object\} (\w+)\n((?: \* @property .*\n)+)")
PROPERTY = re.compile(r"@property \{(.+?)\} \[?(\w+)\]?")


def test_the_bodies_that_the_page_knows_are_the_server_s(client: httpx.Client) -> None:
    """Each property of a JSDoc type has the type that OpenAPI gives it."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    types = dict(TYPEDEF.findall((PAGE / "data" / "api.js").read_text()))
    assert types.keys() >= {"Info", "ModelConfig", "Limits", "StatesRequest", "ErrorBody"}
    for name, properties in types.items():
        for kind, field in PROPERTY.findall(properties):
            assert kind == javascript(schemas[name]["properties"][field]), f"{name}.{field}"


def javascript(schema: dict[str, Any]) -> str:
    """Write a schema as JSDoc does; a field that may be null may be left out."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return "|".join(javascript(each) for each in schema["anyOf"] if each != {"type": "null"})
    if "enum" in schema:
        choices = "|".join(f"'{value}'" for value in schema["enum"])
        return NAMED.get(choices, choices)
    kind = schema["type"]
    if isinstance(kind, list):
        [kind] = set(kind) - {"null"}
    if kind == "array":
        return f"{javascript(schema['items'])}[]"
    return "number" if kind == "integer" else str(kind)


NAMED = {
    "'forward'|'backward'": "Direction",
    "'hidden'|'cell'|'forget_gate'|'input_gate'|'candidate'|'output_gate'": "TensorName",
}


def test_what_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    for path in ("/", "/inspector/main.js"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-cache"
        tag = answer.headers["etag"]
        again = client.get(path, headers={"if-none-match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get(path, headers={"if-none-match": '"other"'}).content == answer.content
        head = client.head(path)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)


@pytest.mark.parametrize(
    "name", ["", "none.js", "../app.py", "%2e%2e/app.py", "views", "index.html/"]
)
def test_nothing_else_is_sent(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/inspector/{name}")
    assert answer.status_code == 404
    assert answer.json()["error_type"] == "not_found"


def test_with_keys_the_page_is_open_and_what_it_asks_for_is_not(
    trained: Path, tmp_path: Path
) -> None:
    with serving(trained, tmp_path / "log", "--api-keys", "secret") as server:
        assert httpx.get(server.url).status_code == 200
        assert httpx.get(f"{server.url}/inspector/main.js").status_code == 200
        assert httpx.get(f"{server.url}/info").status_code == 401


def test_it_can_be_switched_off(trained: Path, tmp_path: Path) -> None:
    def statuses(server: Server) -> list[int]:
        return [httpx.get(server.url + path).status_code for path in ("/", "/inspector/main.js")]

    with serving(trained, tmp_path / "log", "--no-inspector") as server:
        assert statuses(server) == [404, 404]
        assert httpx.get(f"{server.url}/info").status_code == 200
