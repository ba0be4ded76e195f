"""Fixtures: one server for the session, Lockstep in front of it.

LOCKSTEP_BIN names the program under test.  With --direct-only everything
that needs it is skipped, and comparisons compare the server with itself:
that proves the tests' own side.

LOCKSTEP_E2E_TLS=1 runs all with TLS on both legs (see tls.py).
"""

import contextlib
import itertools
import os
import subprocess
from types import SimpleNamespace

import pytest

# So that its comparisons show what differs.
pytest.register_assert_rewrite("differential")

import program
import tls
from cluster import Cluster, free_port
from consoled import Consoled
from fleet import Fleet
from proxy import Lockstep, lockstep_bin
from wire import Wire

database_numbers = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--direct-only", action="store_true",
                     help="run without Lockstep: the tests' own check")
    parser.addoption("--pg-bin", help="folder of initdb and postgres")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "needs_lockstep: compares nothing, so skipped without it")
    config.addinivalue_line(
        "markers", "clear_only(reason): not where TLS is everywhere")
    if tls.is_everywhere():
        os.environ["PGSSLMODE"] = "require"  # for psycopg and psql
    if config.getoption("--direct-only"):
        return
    if not lockstep_bin() or not os.access(lockstep_bin(), os.X_OK):
        raise pytest.UsageError("LOCKSTEP_BIN must name the program to test "
                                "(or pass --direct-only)")


def pytest_runtest_setup(item):
    if (item.config.getoption("--direct-only")
            and item.get_closest_marker("needs_lockstep")):
        pytest.skip("--direct-only")
    clear_only = item.get_closest_marker("clear_only")
    if clear_only and tls.is_everywhere():
        pytest.skip(clear_only.args[0])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what Lockstep wrote."""
    report = (yield).get_result()
    if not report.failed:
        return
    for name, value in getattr(item, "funcargs", {}).items():
        if isinstance(value, Lockstep) and os.path.exists(value.log_path):
            report.sections.append((f"log of {name}", value.tail()))


@pytest.fixture(scope="session")
def cluster(request):
    with Cluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def direct(cluster):
    return cluster


@pytest.fixture(scope="session")
def shared_lockstep():
    """Holds the session's Lockstep; a crash does not end the session."""
    holder = SimpleNamespace(lockstep=None)
    yield holder
    if holder.lockstep:
        try:
            holder.lockstep.stop()
        finally:
            holder.lockstep.remove()


@pytest.fixture
def lockstep_settings(request):
    """A module's own, of each Lockstep that is started for it."""
    return getattr(request.module, "LOCKSTEP_SETTINGS", {})


@pytest.fixture
def lockstep(request, cluster, shared_lockstep, lockstep_settings):
    """The shared Lockstep; the server itself if --direct-only."""
    if request.config.getoption("--direct-only"):
        yield cluster
        return
    if shared_lockstep.lockstep is None:
        shared_lockstep.lockstep = Lockstep(
            cluster, lockstep_settings).start()
    proxy = shared_lockstep.lockstep
    yield proxy
    if not proxy.is_alive():
        shared_lockstep.lockstep = None
        proxy.assert_clean()
        pytest.fail(f"lockstep ended with {proxy.process.returncode}\n"
                    + proxy.tail())
    proxy.assert_clean()


def stop_all(started):
    try:
        for proxy in started:
            proxy.stop()
    finally:
        for proxy in started:
            proxy.remove()


@pytest.fixture
def start_lockstep(cluster, lockstep_settings):
    """Start one with settings of its own; stopped and checked at the end."""
    started = []

    def start(upstream=None, upstream_options=None, **settings):
        started.append(Lockstep(upstream or cluster,
                                {**lockstep_settings, **settings},
                                upstream_options).start())
        return started[-1]

    yield start
    stop_all(started)


@pytest.fixture
def start_with(cluster, tmp_path):
    """Start one with the text of a configuration file."""
    started = []

    def start(text, *arguments):
        endpoint = SimpleNamespace(host="127.0.0.1", port=free_port())
        path = tmp_path / f"{len(started)}.conf"
        path.write_text(f"listen = {endpoint.host}:{endpoint.port}\n"
                        f"upstream = host={cluster.host} port={cluster.port}\n"
                        "workers = 2\ndrain_timeout = 2s\n" + text)
        started.append(program.Program(endpoint, "serve", "-c", str(path),
                                       *arguments))
        started[-1].start()
        return started[-1]

    yield start
    stop_all(started)


@pytest.fixture
def database(cluster):
    """The name of an empty database of this test's own."""
    name = f"e2e_{next(database_numbers)}"
    with cluster.connect() as admin:
        admin.execute(f"create database {name}")
        yield name
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def admin(cluster, database):
    with cluster.connect(database) as connection:
        yield connection


@pytest.fixture
def fleet(cluster, tmp_path):
    with Fleet(cluster, tmp_path) as fleet:
        yield fleet


@pytest.fixture
def connect(database):
    """connect(proxy, name, **parameters): a session, closed at the end."""
    with contextlib.ExitStack() as stack:
        def connect(proxy, name=database, **parameters):
            return stack.enter_context(Wire(proxy, name, **parameters))

        yield connect


@pytest.fixture
def bench(cluster, tmp_path):
    """bench(endpoint, *arguments): pgbench with four clients, until the test is
    over.  It ends when one of them could not go on."""
    script = tmp_path / "one.sql"
    script.write_text("select 1;\n")
    begun = []

    def bench(endpoint, *arguments):
        begun.append(subprocess.Popen(
            [os.path.join(cluster.pg_bin, "pgbench"), "-n", "-M", "simple",
             "-c", "4", "-j", "2", "-T", "3600", "-f", str(script),
             "-h", endpoint.host, "-p", str(endpoint.port), "-U", "postgres",
             *arguments, "postgres"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return begun[-1]

    yield bench
    for one in begun:
        one.kill()
        one.wait()


@pytest.fixture
def start_console(cluster):
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            Consoled(cluster, **settings))


@pytest.fixture
def consoled(start_console):
    return start_console()


@pytest.fixture
def console(consoled):
    with consoled.console() as console:
        yield console
