"""The documentation is true: its commands run, its tables are complete."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic.fields import FieldInfo

from conveyor.model.training.settings import PretrainingSettings, TrainingSettings
from conveyor.model.types import Chosen, spelled
from conveyor.service.errors import ServiceError
from conveyor.service.settings import Settings
from tests.conftest import reviews
from tests.integration.conftest import Server, serving
from tests.process import conveyor

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
]

COMMANDS = [
    command
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for command in block.replace("\\\n", " ").splitlines()
]


def commands(beginning: str) -> list[list[str]]:
    """List the README's commands that begin so, in its order, as lists of words."""
    words = [shlex.split(command, comments=True) for command in COMMANDS]
    return [command for command in words if " ".join(command).startswith(beginning)]


def rows(table: str) -> list[list[str]]:
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| `") or re.match(r"\| \d", line)
    ]


def test_every_command_of_the_readme_is_tested_here() -> None:
    tested = sum(len(commands(start)) for start in ("make", "curl", ".venv/bin/conveyor"))
    assert tested == len(COMMANDS) == 8


def test_the_chinese_readme_gives_the_same_commands() -> None:
    chinese = (ROOT / "README.zh.md").read_text()
    given = re.findall(r"```sh\n(.*?)```", chinese, re.DOTALL)
    lines = [line for block in given for line in block.replace("\\\n", " ").splitlines()]
    assert [shlex.split(line, comments=True) for line in lines] == [
        shlex.split(command, comments=True) for command in COMMANDS
    ]


def test_the_python_of_the_readme_runs() -> None:
    [program] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    [shown] = re.findall(r"print\(.*\)  # (.*)", program)
    assert done.stdout.strip() == shown


def test_the_make_targets_exist() -> None:
    for command in commands("make"):
        subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, check=True)


def test_what_contributors_are_told_to_run_and_to_change_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert targets >= {"check", "test", "coverage", "fuzz", "mutate"}
    for target in targets:
        command = ["make", target, "--dry-run"]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    paths = re.findall(r"\b((?:model|service|tests|bench|docs|deploy)/[\w/.]+)", text)
    assert len(paths) > 50
    for path in paths:
        assert (ROOT / path).exists(), path


def test_the_curl_commands_answer_as_the_readme_says(shipped_server: Server) -> None:
    predict, states = (
        json.loads(
            subprocess.run(
                [word.replace("localhost:8000", shipped_server.url) for word in command],
                capture_output=True,
                check=True,
            ).stdout
        )
        for command in commands("curl")
    )
    [shown] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert [[row["label"] for row in text] for text in predict] == [
        [row["label"] for row in text] for text in json.loads(shown)
    ]
    scores = [round(row["score"], 3) for text in predict for row in text]
    assert scores == pytest.approx(
        [row["score"] for text in json.loads(shown) for row in text], abs=0.0011
    )
    described = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*? \|", README, re.MULTILINE)))
    assert set(states["results"][0]) <= set(described)


def test_train_evaluate_and_serve_as_the_readme_says(tmp_path: Path) -> None:
    for name, seed in (("mine.csv", 0), ("test.csv", 1)):
        lines = [f'{e.label},"{e.text}"' for e in reviews(200, seed)]
        (tmp_path / name).write_text("\n".join(["topic,body", *lines]))
    train, evaluate, serve = (command[1:] for command in commands(".venv/bin/conveyor"))
    trained = conveyor(*train, "--epochs", "2", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    evaluated = conveyor(*evaluate, cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
    assert serve[:2] == ["serve", "--model"]
    with serving(tmp_path / serve[2], tmp_path / "log") as server:
        answer = httpx.post(f"{server.url}/predict", json={"inputs": "a wonderful film"})
    assert {row["label"] for row in answer.json()[0]} == {"praise", "blame"}


def test_every_setting_is_documented() -> None:
    documented = rows((ROOT / "docs" / "configuration.md").read_text())
    assert [row[0] for row in documented] == [
        f"--{name.replace('_', '-')}" for name in Settings.model_fields
    ]
    for row, (name, field) in zip(documented, Settings.model_fields.items(), strict=True):
        assert row[1] == f"CONVEYOR_{name.upper()}"
        assert row[2] == str(field.default) or name in {"model", "threads", "max_tokens"}
        assert row[3] == field.description


def default(field: FieldInfo) -> str:
    """Tell what is the default, and whether the table chooses another."""
    chosen = Chosen.BY_TABLE in field.metadata
    return f"{Chosen.BY_TABLE}; `{field.default}" if chosen else str(field.default)


def test_every_setting_of_training_is_documented() -> None:
    text = (ROOT / "docs" / "training.md").read_text()
    [train, pretrain] = re.split(r"^## All settings of .*$", text, flags=re.MULTILINE)[1:]
    for documented, settings in ((train, TrainingSettings), (pretrain, PretrainingSettings)):
        assert rows(documented) == [
            [spelled(name), default(field), field.description]
            for name, field in settings.model_fields.items()
        ]


def test_train_and_pretrain_as_the_training_document_says(tmp_path: Path) -> None:
    """Its commands run as they stand, but for the serving one, on tiny data and sizes."""
    text = (ROOT / "docs" / "training.md").read_text()
    lines = [f'{e.label},"{e.text}"' for e in reviews(120)]
    (tmp_path / "intents.csv").write_text("\n".join(["label,text", *lines]))
    (tmp_path / "test.csv").write_text("\n".join(["label,text", *lines[:20]]))
    unlabelled = [json.dumps({"text": e.text}) for e in reviews(60, 1)]
    (tmp_path / "unlabelled.jsonl").write_text("\n".join(unlabelled))
    tiny = ["--epochs", "1", "--embedding-dim", "8", "--hidden-size", "8"]
    scripts = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    for command in map(shlex.split, scripts):
        if command[1] == "serve":
            continue
        if command[1] == "train":
            shutil.rmtree(tmp_path / command[-1], ignore_errors=True)
        starts = {"--pretrained", "--embedding-of"} & set(command)
        sizes = [] if command[1] in {"evaluate", "predict"} else tiny[:2] if starts else tiny
        done = conveyor(*command[1:], *sizes, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_every_error_is_documented() -> None:
    documented = [(row[0], row[1]) for row in rows(README) if row[0].isdecimal()]
    assert documented == [
        (str(kind.status), kind.error_type) for kind in ServiceError.__subclasses__()
    ]


def test_every_metric_is_documented(client: httpx.Client) -> None:
    client.post("/predict", json={"inputs": "a"})
    types = re.findall(r"# TYPE (conveyor_\w+) \w+", client.get("/metrics").text)
    existing = {name for name in types if not name.endswith("_created")}
    documented = rows((ROOT / "docs" / "operations.md").read_text())
    assert {row[0] for row in documented if row[0].startswith("conveyor_")} == existing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def anchors(path: Path) -> set[str]:
    """List the anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [*DOCUMENTS, "model/pretrained/imdb-sentiment/README.md"])
def test_links_to_headings_lead_to_one(document: str) -> None:
    page = ROOT / document
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors(page.parent / target if target else page), f"{target}#{anchor}"


def test_the_architecture_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for package in ("model", "service"):
        for path in (ROOT / package).rglob("*.py"):
            assert path.name == "__init__.py" or path.name in text, path
    inspector = ROOT / "service" / "inspector"
    for folder in ("data", "locale", "components", "lstm"):
        for path in (inspector / folder).rglob("*.js"):
            assert path.name in text, path


def test_serving_needs_no_extra() -> None:
    program = "import sys, conveyor.service.serve; sys.exit('datasets' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


STATES = (ROOT / "docs" / "states.md").read_text()


@pytest.mark.parametrize("script", re.findall(r"```sh\n(.*?)```", STATES, re.DOTALL))
def test_the_commands_of_the_states_document_work(script: str, shipped_server: Server) -> None:
    host = shipped_server.url.removeprefix("http://")
    done = subprocess.run(
        ["bash", "-ec", script.replace("localhost:8000", host)],
        capture_output=True,
        text=True,
        check=True,
    )
    [result] = json.loads(done.stdout)["results"]
    assert result["prediction"][0]["label"] == "positive"


@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", STATES, re.DOTALL))
def test_the_program_of_the_states_document_works(program: str, shipped_server: Server) -> None:
    command = [sys.executable, "-c", program.replace("http://localhost:8000", shipped_server.url)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[[")
