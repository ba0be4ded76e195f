"""Manifests and the compose file: their schemas, and what no schema knows."""
import copy
import re

import pytest
import yaml

from conftest import ROOT, documents, faults

MANIFESTS = sorted((ROOT / "conf/kubernetes").glob("*.yaml"))
VERSION = re.search(r"project\(lockstep VERSION (\S+)",
                    (ROOT / "CMakeLists.txt").read_text())[1]
COMPOSE = yaml.safe_load((ROOT / "conf/compose.yaml").read_text())


def read(path):
    return documents(path.read_text())


def pod(document):
    return document["spec"]["template"]["spec"]


def proxy(document):
    """The container of Lockstep."""
    spec = pod(document)
    return next(found for found in (*spec.get("initContainers", []),
                                    *spec["containers"])
                if found["name"] == "lockstep")


# -- schemas ----------------------------------------------------------------

@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifest_keeps_to_the_schema(path):
    assert faults(read(path)) == []


def test_compose_keeps_to_the_schema():
    assert faults([COMPOSE], "--compose") == []


def set_image(document):
    proxy(document)["image"] = 17


def misspell_restart(document):
    proxy(document)["restartpolicy"] = proxy(document).pop("restartPolicy")


def drop_selector(document):
    del document["spec"]["selector"]


def misspell_probe(document):
    proxy(document)["startupProbe"]["httpGets"] = {"path": "/"}


def rename_kind(document):
    document["kind"] = "Deploymint"


@pytest.mark.parametrize("breaks, fault", [
    (set_image, "Deployment shop: /spec/template/spec/initContainers/0/image"),
    (misspell_restart, "initContainers/0/restartpolicy is not known"),
    (drop_selector, '"missingProperty":"selector"'),
    (misspell_probe, "startupProbe/httpGets is not known"),
    (rename_kind, "Deploymint shop: no such kind"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_broken_manifest_is_told(breaks, fault):
    found = read(ROOT / "conf/kubernetes/sidecar.yaml")
    breaks(found[0])
    assert any(fault in line for line in faults(found)), faults(found)


@pytest.mark.parametrize("name, value", [
    ("healthchek", {}), ("cap_drop", "ALL"), ("stop_grace_period", 30)])
def test_broken_compose_is_told(name, value):
    broken = copy.deepcopy(COMPOSE)
    broken["services"]["lockstep"][name] = value
    assert faults([broken], "--compose")


# -- what no schema knows ---------------------------------------------------

def images(value):
    """Each image that is named in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            yield value["image"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from images(inner)


@pytest.mark.parametrize("path", [*MANIFESTS, ROOT / "conf/compose.yaml"],
                         ids=lambda path: path.name)
def test_image_is_of_this_version(path):
    found = {image for image in images(read(path))
             if image.startswith("lockstep")}
    assert found == {f"lockstep:{VERSION}"}


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_names_lead_somewhere(path):
    """Labels, ports, volumes, secrets and config maps that are named."""
    found = read(path)
    if path.name == "migration-job.yaml":  # which says so
        found += read(path.with_name("sidecar.yaml"))
    named = {(one["kind"], one["metadata"]["name"]) for one in found}
    text = path.read_text()
    for secret in re.findall(r"secretKeyRef: {name: ([\w-]+)|secretName: (\S+)",
                             text):
        assert ("Secret", secret[0] or secret[1]) in named
    for config in re.findall(r"configMap: {name: ([\w-]+)", text):
        assert ("ConfigMap", config) in named
    first = found[0]
    labels = first["spec"]["template"]["metadata"]["labels"].items()
    if "selector" in first["spec"]:
        assert first["spec"]["selector"]["matchLabels"].items() <= labels
    ports = {port["name"] for port in proxy(first).get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = proxy(first).get(probe, {}).get("httpGet")
        assert not asked or asked["port"] in ports
    volumes = {volume["name"] for volume in pod(first).get("volumes", [])}
    for container in (*pod(first).get("initContainers", []),
                      *pod(first)["containers"]):
        assert {mount["name"] for mount in
                container.get("volumeMounts", [])} <= volumes


def test_service_and_budget_select_the_deployment():
    found = {one["kind"]: one
             for one in read(ROOT / "conf/kubernetes/deployment.yaml")}
    template = found["Deployment"]["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    assert found["Service"]["spec"]["selector"].items() <= labels
    budget = found["PodDisruptionBudget"]["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels
    ports = {port["name"] for port in proxy(found["Deployment"])["ports"]}
    assert {port["targetPort"] for port
            in found["Service"]["spec"]["ports"]} <= ports
    assert found["Deployment"]["spec"]["replicas"] > budget["maxUnavailable"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_proxy_has_no_rights_that_it_does_not_need(path):
    first = read(path)[0]
    rights = {**pod(first).get("securityContext", {}),
              **proxy(first)["securityContext"]}
    assert rights["runAsNonRoot"] is True
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
