"""What operators bring: check_postgres and an exporter ask the console, and
promtool reads the metrics.

A tool that is not installed is skipped; its questions are played all the same.
"""
import os
import re
import shutil
import subprocess

import psycopg
import pytest

import program
import wire
from consoled import ADMIN, ME, PASSWORD, VIEWER, Consoled, psql
from scene import run
from test_http import Served
from wire import Wire

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("nothing of it depends on TLS")]

CHECK = shutil.which("check_postgres")
PROMTOOL = shutil.which("promtool")
POOLS = ["cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
         "sv_tested", "sv_login", "maxwait"]
# Of pgbouncer_exporter: each list, and columns that it makes metrics of.
LISTS = {"databases", "users", "pools", "free_clients", "used_clients",
         "login_clients", "free_servers", "used_servers", "dns_names",
         "dns_zones", "dns_queries", "dns_pending"}
COLUMNS = {
    "STATS": {"database", "total_received", "total_sent", "total_wait_time"},
    "POOLS": {"database", "user", "pool_mode", "maxwait_us", *POOLS},
    "DATABASES": {"name", "host", "port", "database", "force_user",
                  "pool_size", "reserve_pool", "pool_mode", "max_connections",
                  "current_connections", "paused", "disabled"},
    "VERSION": {"version"}}
NO_NUMBERS = {"database", "user", "pool_mode", "name", "host", "force_user",
              "version"}


@pytest.fixture
def consoled(cluster):
    with Consoled(cluster, max_connections="200") as consoled:
        yield consoled


# -- check_postgres ---------------------------------------------------------

def check(consoled, action, *arguments):
    """As Nagios runs it: (status, what it says)."""
    done = subprocess.run(
        [CHECK, f"--action={action}", f"--host={consoled.folder}",
         f"--port={consoled.port}", f"--dbuser={ME}", "--dbname=lockstep",
         *arguments], text=True, capture_output=True,
        env=program.environment(), timeout=wire.HANG_BOUND_S)
    return done.returncode, done.stdout + done.stderr


needs_check = pytest.mark.skipif(CHECK is None, reason="no check_postgres")


@needs_check
@pytest.mark.parametrize("what", POOLS)
def test_check_postgres_sees_pools(consoled, database, what):
    with Wire(consoled, database):
        status, said = check(consoled, f"pgb_pool_{what}", "--warning=100",
                             "--critical=150")
    assert status == 0 and re.search(r"OK: .*\*=\d+", said), said


@needs_check
def test_check_postgres_warns_of_pools(consoled, database):
    with Wire(consoled, database), Wire(consoled, database):
        status, said = check(consoled, "pgb_pool_cl_active", "--warning=1",
                             "--critical=2")
    assert status == 2 and "CRITICAL" in said and "*=2" in said, said


@needs_check
def test_check_postgres_counts_clients(consoled, database):
    with Wire(consoled, database), Wire(consoled, database):
        status, said = check(consoled, "pgbouncer_backends")
        assert status == 0 and "2 of 200" in said, said
        status, said = check(consoled, "pgbouncer_backends", "--warning=1",
                             "--critical=2")
        assert status == 2, said


@needs_check
def test_check_postgres_sees_that_a_setting_has_changed(consoled):
    said = check(consoled, "pgbouncer_checksum", "--critical=0")[1]
    checksum = re.search(r"\b[0-9a-f]{32}\b", said).group()
    critical = f"--critical={checksum}"
    assert check(consoled, "pgbouncer_checksum", critical)[0] == 0
    with consoled.console() as console:
        run(console, "SET policy = hold")
    assert check(consoled, "pgbouncer_checksum", critical)[0] == 2
    with consoled.console() as console:
        run(console, "SET policy = default")
    assert check(consoled, "pgbouncer_checksum", critical)[0] == 0


def test_what_check_postgres_asks(consoled, database):
    """The tool itself is not needed."""
    def ask(what):
        done = psql(consoled, "-q", "-x", "-t", "-A", "-c", f"SHOW {what}")
        assert done.returncode == 0 and done.stderr == "", done
        return [dict(line.split("|", 1) for line in record.splitlines())
                for record in done.stdout.strip().split("\n\n")]

    with Wire(consoled, database):
        pool, = ask("POOLS")
        assert all(pool[what].isdigit() for what in POOLS)
        assert pool["database"] == "*" and pool["cl_active"] == "1"
        config = {row["key"]: row["value"] for row in ask("CONFIG")}
    assert config["max_client_conn"] == config["max_connections"] == "200"
    assert config["log_pooler_errors"] == "1"


# -- pgbouncer_exporter -----------------------------------------------------

@pytest.mark.parametrize("user", [ADMIN, VIEWER])
def test_what_an_exporter_asks(consoled, database, user):
    """One connection, outside of transactions, by simple queries."""
    with Wire(consoled, database), consoled.login(
            user, autocommit=True,
            cursor_factory=psycopg.ClientCursor) as connection:
        lists = dict(connection.execute("SHOW LISTS;").fetchall())
        assert LISTS <= set(lists)
        assert lists["used_clients"] == 2 and lists["used_servers"] == 1
        config = {row[0]: row[1] for row in
                  connection.execute("SHOW CONFIG;").fetchall()}
        assert int(config["max_client_conn"]) == 200
        assert int(config["max_user_connections"]) == 0
        for table, columns in COLUMNS.items():
            cursor = connection.execute(f"SHOW {table};")
            names = [column.name for column in cursor.description]
            assert columns <= set(names)
            for row in cursor.fetchall():
                numbers = {name: value for name, value in zip(names, row)
                           if name in columns - NO_NUMBERS}
                assert all(isinstance(value, int)
                           for value in numbers.values()), numbers


# -- promtool ---------------------------------------------------------------

@pytest.mark.skipif(PROMTOOL is None, reason="no promtool")
def test_promtool_has_nothing_to_say(cluster, database):
    with Served(cluster) as served, Wire(served, database):
        text = served.ask("/metrics")[1]
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text,
                          text=True, capture_output=True,
                          timeout=wire.HANG_BOUND_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool")
def test_promtool_likes_the_alerts():
    rules = os.path.join(os.path.dirname(__file__), "..", "..", "conf",
                         "prometheus")
    files = [os.path.join(rules, name) for name in os.listdir(rules)
             if name.endswith((".yml", ".yaml"))]
    assert files
    done = subprocess.run([PROMTOOL, "check", "rules", *files], text=True,
                          capture_output=True, timeout=wire.HANG_BOUND_S)
    assert done.returncode == 0, done.stdout + done.stderr
