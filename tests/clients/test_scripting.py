"""Ruby pg, Perl DBD::Pg and PHP PDO: all of them over libpq."""

import os

import pytest

import steps
from steps import Driver, all_but


def source(name):
    return os.path.join(steps.HERE, name)


@pytest.mark.parametrize("mode", ["simple", "extended"])
def test_ruby_pg(bench, entry, mode):
    steps.check(bench, Driver(client="Ruby pg", mode=mode,
                              command=("ruby", source("pg_client.rb")),
                              steps=all_but("batch")), entry)


@pytest.mark.parametrize("mode", [
    "AutoCommit=1,pg_server_prepare=1",
    "AutoCommit=0,pg_server_prepare=1",
    "AutoCommit=1,pg_server_prepare=0",
])
def test_dbd_pg(bench, entry, mode):
    lacks = ["pipeline", "pipeline_drop"]
    if "AutoCommit=0" in mode:
        lacks.append("drop_script")
    steps.check(bench, Driver(client="DBD::Pg", mode=mode,
                              command=("perl", source("dbd_client.pl")),
                              steps=all_but(*lacks)), entry)


@pytest.mark.parametrize("mode", ["native", "emulated"])
def test_php_pdo(bench, entry, mode):
    """It has no cancel, so a statement_timeout ends the two statements."""
    lacks = "pipeline", "pipeline_drop", "batch", "notice"
    steps.check(bench, Driver(client="PHP PDO", mode=mode,
                              command=("php", source("pdo_client.php")),
                              steps=all_but(*lacks), ended="timed-out"),
                entry)
