"""The Helm chart: rendered with values, held against schemas, and served by."""
import json
import re
import time

import psycopg
import pytest
import yaml

from conftest import CHART, ROOT, documents, faults, render
from kubelet import Pod
from wire import HANG_BOUND_S

LEAST = {"upstream": "host=postgres port=5432"}
ALL = {
    **LEAST,
    "image": {"repository": "mirror/lockstep", "tag": "test"},
    "imagePullSecrets": [{"name": "pull"}],
    "replicaCount": 3,
    "settings": {"guard": "ddl", "memory": False, "workers": 2,
                 "max_connections": 1000000, "lock_order": "a, \"B\""},
    "rules": "[rule money]\ntable = accounts\npolicy = reject\n",
    "minDrainSeconds": 5,
    "drainSeconds": 86400,
    "fleet": {"existingSecret": "windows"},
    "tls": {"existingSecret": "certificate", "mode": "require"},
    "service": {"type": "LoadBalancer", "port": 5432,
                "annotations": {"a": "b"}},
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "podAnnotations": {"c": "d"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "e", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
BARE = {
    **LEAST,
    "metrics": {"annotations": False},
    "podDisruptionBudget": {"enabled": False},
    "resources": None,
}


def values_with(values):
    """values.yaml and these, as Helm merges them."""
    found = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(found.get(name), dict):
            found[name].update(value)
        elif value is None:
            del found[name]
        else:
            found[name] = value
    return found


def faults_of_values(values):
    return faults([values_with(values)], "--schema",
                  CHART / "values.schema.json")


def by_kind(text):
    return {found["kind"]: found for found in documents(text)}


def variables(deployment):
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value") for entry in container["env"]}


@pytest.mark.parametrize("values", [LEAST, ALL, BARE],
                         ids=["least", "all", "bare"])
def test_rendered_chart_keeps_to_the_schemas(tmp_path, values):
    assert faults_of_values(values) == []
    assert faults(documents(render(tmp_path, **values))) == []


@pytest.mark.parametrize("values", [
    {}, {**LEAST, "replicas": 2}, {**LEAST, "replicaCount": "two"},
    {**LEAST, "settings": {"listen": "*:1"}},
    {**LEAST, "settings": {"guard": ["ddl"]}},
    {**LEAST, "tls": {"mode": "disable"}}],
    ids=["no-upstream", "unknown", "text", "taken", "list", "clear"])
def test_values_that_are_none_are_told(values):
    assert faults_of_values(values)


def test_values_arrive(tmp_path):
    found = by_kind(render(tmp_path, **ALL))
    deployment = found["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["replicas"] == 3
    assert pod["terminationGracePeriodSeconds"] == 86415
    assert pod["containers"][0]["image"] == "mirror/lockstep:test"
    assert pod["containers"][0]["args"][:2] == ["serve", "-c"]
    told = variables(deployment)
    assert told["LOCKSTEP_MEMORY"] == "off"
    assert told["LOCKSTEP_MAX_CONNECTIONS"] == "1000000"
    assert told["LOCKSTEP_LOCK_ORDER"] == 'a, "B"'
    assert found["Service"]["spec"]["ports"][0]["port"] == 5432
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == "50%"
    assert found["ConfigMap"]["data"]["lockstep.conf"].strip() == \
        ALL["rules"].strip()


def test_parts_can_be_left_out(tmp_path):
    found = by_kind(render(tmp_path, **BARE))
    assert found.keys() == {"Deployment", "Service"}
    template = found["Deployment"]["spec"]["template"]
    assert "annotations" not in template["metadata"]


def test_selectors_fit(tmp_path):
    found = by_kind(render(tmp_path, **LEAST))
    labels = found["Deployment"]["spec"]["template"]["metadata"][
        "labels"].items()
    assert found["Service"]["spec"]["selector"].items() <= labels
    assert found["PodDisruptionBudget"]["spec"]["selector"][
        "matchLabels"].items() <= labels


def test_version_is_the_program_s():
    version = re.search(r"project\(lockstep VERSION (\S+)",
                        (ROOT / "CMakeLists.txt").read_text())[1]
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (about["version"], about["appVersion"]) == (version, version)


def test_schema_knows_each_value():
    """And values.yaml has each that the schema knows, but Helm's `global`."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()


def test_rendered_pod_serves_by_its_rules(cluster, tmp_path):
    text = render(tmp_path, **LEAST, settings={"guard": "ddl"},
                  rules=ALL["rules"])
    with Pod(cluster, text, "Deployment") as pod:
        pod.start()
        container = pod.containers[0]
        container.wait_for_startup()
        with psycopg.connect(host="127.0.0.1", port=pod.place.port,
                             user="postgres", dbname="postgres",
                             autocommit=True) as conn:
            conn.execute("create table accounts (id int)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("begin; drop table accounts")
            conn.execute("rollback")
        deadline = time.monotonic() + HANG_BOUND_S
        while not container.probe("readinessProbe"):
            assert time.monotonic() < deadline, pod.place.log()
            time.sleep(0.05)
        container.process.terminate()
        deadline = time.monotonic() + HANG_BOUND_S
        while container.probe("readinessProbe"):
            assert time.monotonic() < deadline, pod.place.log()
        assert container.stop(HANG_BOUND_S) == 0, pod.place.log()
