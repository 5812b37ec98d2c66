"""deploy/kubernetes: valid by the published schemas, and with the limits that compose has."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from conveyor.service.process.server import LAST_SECONDS
from conveyor.service.settings import Settings

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["conveyor"]


def resource(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DIRECTORY / name).read_text()))


def deployment() -> dict[str, Any]:
    return dict(resource("deployment.yaml")["spec"]["template"]["spec"])


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("name", KUSTOMIZATION["resources"])
def test_every_resource_is_valid(name: str, version: str) -> None:
    kubernetes_validate.validate(resource(name), version, strict=True)


def test_a_wrong_field_would_be_found() -> None:
    wrong = resource("deployment.yaml")
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_every_resource_is_in_the_kustomization() -> None:
    files = {path.name for path in DIRECTORY.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    [image] = KUSTOMIZATION["images"]
    assert f"{image['name']}:{image['newTag']}" == COMPOSE["image"]


def test_all_select_the_pods_of_the_deployment() -> None:
    template = resource("deployment.yaml")["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert resource("deployment.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert resource("service.yaml")["spec"]["selector"] == labels
    assert resource("pod-disruption-budget.yaml")["spec"]["selector"]["matchLabels"] == labels
    target = resource("horizontal-pod-autoscaler.yaml")["spec"]["scaleTargetRef"]
    assert target["name"] == resource("deployment.yaml")["metadata"]["name"]
    [port] = resource("service.yaml")["spec"]["ports"]
    assert port["targetPort"] in [p["name"] for p in deployment()["containers"][0]["ports"]]


def test_limits_are_those_of_compose() -> None:
    [container] = deployment()["containers"]
    limits = container["resources"]["limits"]
    assert float(limits["cpu"]) == COMPOSE["cpus"]
    assert limits["memory"] == COMPOSE["mem_limit"].replace("g", "Gi")


def test_it_has_more_time_to_end_than_the_server_takes() -> None:
    [container] = deployment()["containers"]
    [_, before] = container["lifecycle"]["preStop"]["exec"]["command"]
    server = Settings.model_fields["shutdown_seconds"].default + LAST_SECONDS
    assert deployment()["terminationGracePeriodSeconds"] > int(before) + server
    # Compose has no preStop.
    grace = int(COMPOSE["stop_grace_period"].removesuffix("s"))
    assert deployment()["terminationGracePeriodSeconds"] - int(before) == grace


def test_pods_are_confined() -> None:
    [container] = deployment()["containers"]
    assert deployment()["securityContext"]["runAsNonRoot"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert not security["allowPrivilegeEscalation"]
    # A Service named conveyor would set CONVEYOR_PORT, which is a setting of the server.
    assert deployment()["enableServiceLinks"] is False
