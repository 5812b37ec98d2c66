"""Conveyor where it is not tested: on what Linux can pretend of macOS and Windows."""

from pathlib import Path

import httpx
import pytest

from tests.conftest import reviews
from tests.integration.conftest import counters, serving
from tests.platforms import lacking_modules, names_of
from tests.process import assert_one_sentence, conveyor

PRETEND = "from tests.platforms import pretend; pretend({!r})"

platforms = pytest.mark.parametrize("platform", ["darwin", "win32"])


def test_what_they_lack_is_known() -> None:
    lacks = {
        platform: names_of("os", "linux") - names_of("os", platform)
        for platform in ("darwin", "win32")
    }
    assert {"memfd_create", "sched_getaffinity"} <= lacks["darwin"] & lacks["win32"]
    assert {"fork", "O_NONBLOCK"} <= lacks["win32"] - lacks["darwin"]
    assert "SIGPWR" not in names_of("signal", "darwin")
    assert "SIGHUP" not in names_of("signal", "win32") > {"SIGBREAK"}
    assert {"fcntl", "resource", "termios", "uvloop"} <= set(lacking_modules("win32"))
    assert not {"fcntl", "resource", "uvloop"} & set(lacking_modules("darwin"))


@platforms
def test_every_module_can_be_imported_and_a_server_answers(
    platform: str, trained: Path, tmp_path: Path
) -> None:
    with serving(trained, tmp_path / "log", first=PRETEND.format(platform)) as server:
        body = {"inputs": ["a wonderful film", "dull"]}
        predicted = httpx.post(f"{server.url}/predict", json=body).json()
        states = httpx.post(f"{server.url}/states", json=body).json()
        assert [result["prediction"] for result in states["results"]] == predicted
        assert httpx.get(f"{server.url}/").status_code == 200
        counted = counters(httpx.get(f"{server.url}/metrics").text)
        assert counted["conveyor_texts_total"] == 4
        assert not [name for name in counted if name.startswith("process_")]  # they are Linux's
        assert server.stop() == 0
    assert "Requests in all: 2 accepted, 2 answered" in (tmp_path / "log").read_text()


@platforms
def test_several_workers_are_refused_before_anything_begins(platform: str, tmp_path: Path) -> None:
    flags = ["--workers", "2", "--model", str(tmp_path), "--host", "nowhere"]
    result = conveyor("serve", *flags, first=PRETEND.format(platform))
    assert_one_sentence(result, r"--workers 2 needs Linux: leave it at 1, and start several")


@platforms
def test_models_are_converted_and_used(platform: str, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(["text", *(e.text for e in reviews(100))]))
    for command in (
        f"convert {trained} --pooling concat --out same",
        "predict same --data a.csv --out labelled.jsonl",
    ):
        done = conveyor(*command.split(), cwd=tmp_path, first=PRETEND.format(platform))
        assert done.returncode == 0, done.stderr
    assert len((tmp_path / "labelled.jsonl").read_text().splitlines()) == 100
    assert not list(tmp_path.glob("labelled.jsonl.*"))
