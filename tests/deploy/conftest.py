"""What tests/deploy shares: schemas' word, the chart, the tests' server."""
import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHART = ROOT / "conf/helm/lockstep"
BUILD = pathlib.Path(os.environ["LOCKSTEP_DEPLOY_BUILD"])

sys.path.insert(0, str(ROOT / "tests/e2e"))

from cluster import Cluster


def faults(documents, *options):
    """What the schemas have against them, a list of lines."""
    done = subprocess.run(["node", HERE / "validate.js", *options], text=True,
                          input=json.dumps(documents), capture_output=True,
                          timeout=120)
    lines = done.stdout.splitlines()
    assert done.stderr == "" and done.returncode == bool(lines), done
    return lines


def documents(text):
    return [found for found in yaml.safe_load_all(text) if found]


def render(folder, **values):
    """The text of the chart's manifests with these values."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    done = subprocess.run([BUILD / "render", CHART, "shop", path], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as cluster:
        yield cluster
