"""Drivers of Node.js, installed by tests/clients/run."""

import os

import pytest

import steps
from steps import EXPECTED, Driver, all_but

MODULES = os.environ.get("LOCKSTEP_CLIENTS_NODE_MODULES") or os.path.join(
    steps.HERE, "../../build/clients/node/node_modules")


@pytest.fixture(autouse=True)
def node_path(monkeypatch):
    assert os.path.isdir(MODULES), "run tests/clients/run first"
    monkeypatch.setenv("NODE_PATH", os.path.abspath(MODULES))


def program(name):
    return ("node", os.path.join(steps.HERE, name))


@pytest.mark.parametrize("mode", ["simple", "extended"])
def test_pg(bench, entry, mode):
    """It sends nothing before the last answer is in: no pipelines."""
    steps.check(bench, Driver(
        client="node-postgres", command=program("pg_client.js"), mode=mode,
        steps=all_but("pipeline", "pipeline_drop", "batch")), entry)


@pytest.mark.parametrize("mode", ["simple", "extended"])
def test_postgresjs(bench, entry, mode):
    steps.check(bench, Driver(
        client="postgres.js", command=program("postgresjs_client.js"),
        mode=mode, steps=all_but(),
        # Each query has its Sync; and a null in an array is its NaN.
        expected={"pipeline": "1 2 3; 1 22012 3; 4",
                  "parameters": EXPECTED["parameters"].replace("NULL,", "NaN,")
                  }), entry)
