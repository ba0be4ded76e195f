"""Go's lib/pq and pgx, as Debian packages them."""

import os
import subprocess

import pytest

import steps
from steps import Driver, all_but


def build(folder, name):
    program = str(folder / name)
    environment = {"PATH": os.environ["PATH"], "GO111MODULE": "off",
                   "GOPATH": "/usr/share/gocode", "HOME": str(folder),
                   "GOCACHE": str(folder / "cache")}
    subprocess.run(["go", "build", "-o", program, "steps_in_go.go",
                    f"{name}.go"], cwd=steps.HERE, env=environment, check=True)
    return program


def packaged(package):
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", "${source:Upstream-Version}", package],
        capture_output=True, text=True, check=True)
    return told.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    return {name: build(folder, name) for name in ("pq_client", "pgx_client")}


@pytest.mark.parametrize("mode", ["binary_parameters=no",
                                  "binary_parameters=yes"])
def test_pq(bench, entry, programs, monkeypatch, mode):
    monkeypatch.setenv("DRIVER_VERSION", packaged("golang-github-lib-pq-dev"))
    lacks = "copy_out", "pipeline", "pipeline_drop", "batch"
    steps.check(bench, Driver(client="lib/pq", mode=mode,
                              command=(programs["pq_client"],),
                              steps=all_but(*lacks)), entry)


@pytest.mark.parametrize("mode", ["prepare", "describe", "simple"])
def test_pgx(bench, entry, programs, monkeypatch, mode):
    monkeypatch.setenv("DRIVER_VERSION",
                       packaged("golang-github-jackc-pgx-v4-dev"))
    steps.check(bench, Driver(client="pgx", mode=mode,
                              command=(programs["pgx_client"],),
                              steps=all_but()), entry)
