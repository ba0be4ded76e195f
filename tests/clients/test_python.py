"""Drivers of Python."""

import os
import sys

import steps
from steps import Driver, all_but


def program(name):
    return (sys.executable, os.path.join(steps.HERE, name))


PSYCOPG3 = {"client": "psycopg 3", "command": program("psycopg3_client.py")}
PSYCOPG2 = {"client": "psycopg2", "command": program("psycopg2_client.py")}
# It has neither pipelines nor statements that are prepared by protocol.
PSYCOPG2_STEPS = "pipeline", "pipeline_drop", "drop_prepared"


def test_psycopg3_autocommit(bench, entry):
    steps.check(bench, Driver(**PSYCOPG3, mode="autocommit",
                              steps=all_but()), entry)


def test_psycopg3_transactions(bench, entry):
    steps.check(bench, Driver(**PSYCOPG3, mode="transactions",
                              steps=all_but("drop_script")), entry)


def test_psycopg2_autocommit(bench, entry):
    steps.check(bench, Driver(**PSYCOPG2, mode="autocommit",
                              steps=all_but(*PSYCOPG2_STEPS)), entry)


def test_psycopg2_transactions(bench, entry):
    steps.check(bench, Driver(
        **PSYCOPG2, mode="transactions",
        steps=all_but("drop_script", *PSYCOPG2_STEPS)), entry)


def test_asyncpg(bench, entry):
    steps.check(bench, Driver(
        client="asyncpg", command=program("asyncpg_client.py"),
        steps=all_but("pipeline", "pipeline_drop"),
        expected={"cancel": "timeout, then 1",
                  "cancel_drop": f"timeout, then {steps.WHOLE}"}), entry)
