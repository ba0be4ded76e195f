"""libpq by its functions, and psql."""

import os
import subprocess
import sys

import pytest

import steps
from steps import Driver, all_but


@pytest.fixture(scope="module")
def libpq_client(tmp_path_factory):
    program = str(tmp_path_factory.mktemp("libpq") / "libpq_client")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"],
                           capture_output=True, text=True, check=True)
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program,
                    os.path.join(steps.HERE, "libpq_client.c"),
                    *flags.stdout.split(), "-pthread"], check=True)
    return program


@pytest.mark.parametrize("mode", ["simple", "extended"])
def test_libpq(bench, entry, libpq_client, mode):
    steps.check(bench, Driver(client="libpq", command=(libpq_client,),
                              mode=mode, steps=all_but()), entry)


PSQL_LACKS = ("parameters", "pipeline", "pipeline_drop", "batch",
              "drop_prepared")


@pytest.mark.parametrize("mode", ["off", "on"])
def test_psql(bench, entry, cluster, mode):
    """on: the error of a transaction is undone, so the next one works."""
    program = (sys.executable, os.path.join(steps.HERE, "psql_client.py"),
               os.path.join(cluster.pg_bin, "psql"))
    expected = {"failed": "22012, then 1"} if mode == "on" else {}
    steps.check(bench, Driver(client="psql", command=program, mode=mode,
                              steps=all_but(*PSQL_LACKS), expected=expected),
                entry)
    entry["mode"] = f"ON_ERROR_ROLLBACK={mode}"
