"""docker-compose.yml, the Dockerfile and the lock, without Docker: limits, versions, packages."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from conveyor.service.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "deploy" / "requirements.lock").read_text()
PINNED = re.findall(r"^([\w-]+)==(\S+) ", LOCK, re.MULTILINE)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_confined(name: str) -> None:
    service: dict[str, Any] = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cpus"]
    assert service["mem_limit"]
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", ["conveyor", "replica"])
def test_it_has_more_time_to_end_than_the_server_takes(name: str) -> None:
    grace = int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["shutdown_seconds"].default


def test_versions_agree() -> None:
    version = PROJECT["version"]
    assert COMPOSE["services"]["conveyor"]["image"] == f"conveyor:{version}"
    assert f"ARG VERSION={version}\n" in DOCKERFILE
    assert f"conveyor:{version}" in (ROOT / "Makefile").read_text()
    [torch] = [name for name in PROJECT["dependencies"] if name.startswith("torch==")]
    assert f"ARG TORCH={torch.removeprefix('torch==')}\n" in DOCKERFILE
    assert torch in (ROOT / "Makefile").read_text()
    assert re.search(r"^ARG PYTHON=python:3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)


def test_the_lock_has_all_that_the_project_asks_for() -> None:
    pinned = dict(PINNED)
    for text in PROJECT["dependencies"]:
        requirement = Requirement(text)
        if requirement.name != "torch":
            assert requirement.specifier.contains(pinned[requirement.name]), text


def test_everything_locked_has_hashes() -> None:
    hashed = re.findall(r"^[\w-]+==[^\n]+\\\n    --hash=sha256:", LOCK, re.MULTILINE)
    assert len(hashed) == len(PINNED) > 40


def test_the_licence_of_everything_in_the_image_is_listed() -> None:
    text = (ROOT / "deploy" / "licences.md").read_text()
    listed = {
        name.lower().replace("_", "-"): licence
        for name, licence in re.findall(r"^\| (\S+) +\| \S+ +\| (.*?) +\|", text, re.MULTILINE)
    }
    vendored = {path.name for path in (ROOT / "service" / "inspector" / "vendor").iterdir()}
    assert {name for name, _ in PINNED} | {"torch"} | vendored == listed.keys() - {"name"}
    assert "UNKNOWN" not in listed.values()


def test_the_lock_has_nothing_for_gpus_or_development() -> None:
    names = {name for name, _ in PINNED}
    assert not {name for name in names if name.startswith(("nvidia", "triton", "cuda"))}
    assert not {"pytest", "matplotlib", "datasets", "pyarrow"} & names
