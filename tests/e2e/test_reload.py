"""Settings are read again: all of them or none, for whoever comes next."""
import contextlib
import http.client
import os
import pwd
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import pki
import program
import scram
import tls
import wire
from cluster import free_port
from prometheus import Page
from proxy import Lockstep, comes_and_goes, conninfo
from scene import BOUND_S, Holder, ask, run, wait_asleep, wait_for
from tls_roles import RoleCluster
from wire import Wire, errors, query, rows, sqlstates

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

ROOT = Path(__file__).resolve().parents[2]
ME = pwd.getpwuid(os.getuid()).pw_name
PASSWORD = "of the tests"
TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
create table table_d(a_id int references table_a);
"""
REFUSED = "42501"
TIMES = 100
BURST = 100
# A generation takes enough for those that stay to be seen.
RULES = 300
NAMES = ", ".join(letter * 60 for letter in "abcdefghijklmnop")
RULE_BYTES = len(NAMES)  # in memory, at the least
# Freed memory stays for a while under ASan.
ENVIRONMENT = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
               ":quarantine_size_mb=1"}


def until(condition, what="it does not happen"):
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Configured(program.Program):
    """Its settings stand in a file, which is written anew for a reload."""

    def __init__(self, upstream, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="lsr", dir="/tmp"))
        self.path = self.folder / "lockstep.conf"
        port, self.http_port = free_port(), free_port()
        self.socket = SimpleNamespace(host=str(self.folder), port=port)
        self.in_file = {
            "listen": f"127.0.0.1:{port}, {self.folder}:{port}",
            "http_listen": f"127.0.0.1:{self.http_port}",
            "upstream": conninfo(host=upstream.host, port=upstream.port),
            "workers": "2", "drain_timeout": "2s", "log_repeats": "0",
            "admin_users": ME}
        self.rules = ""
        self.write(**settings)
        super().__init__(SimpleNamespace(host="127.0.0.1", port=port),
                         "serve", "-c", str(self.path), settings=ENVIRONMENT)

    def remove(self):
        super().remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accepts(self):
        """The socket is the last place where it comes to listen."""
        return comes_and_goes(lambda: wire.connect(self.socket))

    def write(self, rules=None, **changes):
        """Settings as they are but for these; None: it is not set."""
        self.in_file.update(changes)
        self.rules = self.rules if rules is None else rules
        self.path.write_text("".join(
            f"{name} = {value}\n" for name, value in self.in_file.items()
            if value is not None) + self.rules)

    def line_of(self, name):
        text = self.path.read_text().splitlines()
        return next(number for number, line in enumerate(text, 1)
                    if line.startswith(f"{name} = "))

    def told(self, words="configuration "):
        return [event["message"] for event in self.events()
                if event["message"].startswith(words)]

    def signal_reload(self):
        """SIGHUP; what the log says of it."""
        before = len(self.told())
        self.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.told()) > before)
        return self.told()[before:]

    def reload(self, rules=None, **changes):
        self.write(rules, **changes)
        return self.signal_reload()

    def console(self):
        return Wire(self.socket, "lockstep", ME)

    def show(self, what):
        with self.console() as console:
            return rows(console.query(f"SHOW {what}"))

    def state(self):
        return dict(self.show("STATE"))

    def ask(self, method, path):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.http_port, timeout=wire.HANG_BOUND_S)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def metrics(self):
        """Generation, and whether the last reload succeeded."""
        page = Page(self.ask("GET", "/metrics")[1])
        return (page.get("lockstep_config_generation"),
                page.get("lockstep_config_last_reload_success"))


@pytest.fixture
def start(cluster):
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(
            Configured(cluster, **settings))


@pytest.fixture
def lockstep(start):
    return start()


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


def drop(session, table):
    return sqlstates(session.query(f"drop table {table}"))


# -- what changes -----------------------------------------------------------

def test_a_new_session_has_the_new_policy(lockstep, database, tables):
    with Wire(lockstep, database) as old:
        told = lockstep.reload(policy="reject")
        assert told == ["configuration reloaded (generation 2): changed "
                        "policy"]
        with Wire(lockstep, database) as new:
            assert drop(new, "table_d") == [REFUSED]
            # Nothing changes beneath a session that has begun.
            assert drop(old, "table_d") == []
            assert lockstep.reload(policy=None) == [
                "configuration reloaded (generation 3): changed policy"]
            assert drop(new, "table_c") == [REFUSED]
            assert drop(old, "table_c") == []


def test_a_new_session_has_the_new_rules(lockstep, database, tables):
    rule = "[rule no drops]\nstatement = DROP TABLE\npolicy = reject\n"
    with Wire(lockstep, database) as old:
        assert lockstep.reload(rules=rule) == [
            "configuration reloaded (generation 2): changed rules"]
        with Wire(lockstep, database) as new:
            assert drop(new, "table_d") == [REFUSED]
        assert drop(old, "table_d") == []
        lockstep.reload(rules="")
        with Wire(lockstep, database) as new:
            assert drop(new, "table_c") == []


def test_the_guard_comes_and_goes(start, database, tables):
    lockstep = start(guard="off", policy="reject")
    with Wire(lockstep, database) as old:
        lockstep.reload(guard="drops")
        assert lockstep.state()["guard"] == "on"
        with Wire(lockstep, database) as new:
            assert drop(new, "table_d") == [REFUSED]
        assert drop(old, "table_d") == []
        lockstep.reload(guard="off")
        assert lockstep.state()["guard"] == "off"


def test_a_new_session_goes_to_the_new_upstream(lockstep, cluster):
    """By the server's Unix socket, where it had gone by TCP."""
    asks = "select inet_server_port()"
    with Wire(lockstep) as old:
        told = lockstep.reload(upstream=conninfo(host=cluster.socket_dir,
                                                 port=cluster.port))
        assert told[0].endswith("changed upstream")
        with Wire(lockstep) as new:
            assert rows(new.query(asks)) == [(None,)]
        assert rows(old.query(asks)) == [(str(cluster.port),)]
    assert lockstep.show("DATABASES")[0][1] == cluster.socket_dir
    until(lambda: lockstep.ask("GET", "/ready")[0] == 200)


@pytest.fixture(scope="module")
def tls_server(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


def test_a_cancel_goes_where_its_session_has_gone(start, cluster, tls_server):
    """As it has gone there: by TLS, with a name, which the settings in force
    know nothing of any more."""
    to_tls = conninfo(host="localhost", port=tls_server.port,
                      sslmode="verify-full",
                      sslrootcert=pki.shared().root.file)
    in_clear = conninfo(host=cluster.host, port=cluster.port,
                        sslmode="disable")
    lockstep = start()
    for server, here, there in ((tls_server, to_tls, in_clear),
                                (cluster, in_clear, to_tls)):
        lockstep.reload(upstream=here)
        with Wire(lockstep) as old:
            asked = ask(old, "select pg_sleep(600)")
            wait_asleep(server, old)
            lockstep.reload(upstream=there)
            Wire(lockstep).close()
            assert not asked.is_answered()
            wire.cancel(lockstep, old)
            assert sqlstates(asked.answer()) == ["57014"]
        # Its generation may be gone by now, and others come.
        Wire(lockstep).close()


def test_the_log_level_is_another_one(lockstep):
    def lines():
        return [event for event in lockstep.events()
                if event["level"] == "debug"]

    Wire(lockstep).close()
    assert lines() == []
    lockstep.reload(log_level="debug")
    Wire(lockstep).close()
    until(lines)
    lockstep.write(log_level="error")
    lockstep.process.send_signal(signal.SIGHUP)
    until(lambda: ("log_level", "error", "info", "yes", "file") in
          lockstep.show("CONFIG"))
    count = len(lines())
    Wire(lockstep).close()
    assert len(lines()) == count


def test_limits_are_others(start):
    lockstep = start(max_connections="1")
    with Wire(lockstep) as old:
        with Wire(lockstep) as refused:
            assert sqlstates(refused.greeting) == ["53300"]
        lockstep.reload(max_connections="10")
        with Wire(lockstep) as new:
            run(new, "select 1")
            lockstep.reload(max_connections="1")
            run(old, "select 1")
            run(new, "select 1")
            with Wire(lockstep) as refused:
                assert sqlstates(refused.greeting) == ["53300"]
            assert lockstep.ask("GET", "/ready")[0] == 503


def test_http_admin_is_another(lockstep):
    assert lockstep.ask("POST", "/drain")[0] == 403
    lockstep.reload(http_admin="on")
    assert lockstep.ask("POST", "/drain")[0] == 200


def test_the_console_has_other_users(start):
    lockstep = start(admin_users=None)
    with lockstep.console() as refused:
        assert errors(refused.greeting) != []
    lockstep.reload(admin_users=ME)
    with lockstep.console() as console:
        assert rows(console.query("SHOW VERSION"))
        lockstep.reload(admin_users=None)
        # Who is in stays in.
        assert rows(console.query("SHOW VERSION"))
    with lockstep.console() as refused:
        assert errors(refused.greeting) != []


def logs_in(lockstep, user):
    with program.Bare(lockstep) as session:
        trace = scram.log_in(session, user, scram.Client(PASSWORD))
        return wire.status(trace) == "I"


def test_passwords_are_checked_from_now_on(lockstep, cluster):
    users = lockstep.folder / "users"
    verifier = scram.verifier(PASSWORD)
    users.touch(mode=0o600)
    users.write_text(f'"e2e_reload" "{verifier}"\n')
    with cluster.connect() as admin:
        admin.execute(f"create role e2e_reload login password '{verifier}'")
        try:
            with Wire(lockstep) as old:
                told = lockstep.reload(auth="scram", auth_file=users)
                assert told[0].endswith("changed auth, auth_file")
                assert logs_in(lockstep, "e2e_reload")
                with program.Bare(lockstep) as stranger:
                    trace = scram.log_in(stranger, "postgres",
                                         scram.Client(PASSWORD))
                    assert sqlstates(trace) == ["28P01"]
                run(old, "select 1")
        finally:
            admin.execute("drop role e2e_reload")


def test_encryption_comes_and_goes(lockstep):
    """Which has threads of its own, that were not there at the start."""
    certificate = pki.shared().lockstep
    with Wire(lockstep, encryption=False) as old:
        lockstep.reload(tls_mode="require", tls_cert=certificate.cert,
                        tls_key=certificate.key)
        with Wire(lockstep, encryption=tls.context()) as new:
            run(new, "select 1")
            assert pki.is_same(tls.shown(lockstep), certificate)
            lockstep.reload(tls_mode="disable")
            with Wire(lockstep, encryption=False) as newest:
                run(newest, "select 1")
            run(new, "select 1")
        run(old, "select 1")


# -- all or nothing ---------------------------------------------------------

def assert_nothing_has_changed(lockstep, database, generation="1"):
    state = lockstep.state()
    assert (state["generation"], state["last_reload"]) == (generation,
                                                           "failed")
    assert lockstep.metrics() == (int(generation), 0)
    assert ("policy", "auto", "auto", "yes", "default") in lockstep.show("CONFIG")
    with Wire(lockstep, database) as session:
        run(session, "begin")
        assert drop(session, "table_d") == []
        run(session, "rollback")


def test_a_mistake_changes_nothing(lockstep, database, tables):
    assert lockstep.metrics() == (1, 1)
    assert lockstep.state()["last_reload"] == "none"
    told = lockstep.reload(policy="reject", hold_timeout="for ever")
    line = lockstep.line_of("hold_timeout")
    where = f"{lockstep.path}:{line}: hold_timeout: "
    assert len(told) == 1
    assert told[0].startswith(f"configuration not reloaded: {where}")
    assert_nothing_has_changed(lockstep, database)
    with lockstep.console() as console:
        refusal, = errors(console.query("RELOAD"))
        assert refusal["C"] == "F0000" and refusal["D"].startswith(where)
    lockstep.reload(hold_timeout="1min")
    assert lockstep.metrics() == (2, 1)
    assert lockstep.state()["last_reload"] == "ok"
    with Wire(lockstep, database) as session:
        assert drop(session, "table_d") == [REFUSED]


@pytest.mark.parametrize("changes, words", [
    ({"upstream": None}, "upstream: it is not set any more"),
    ({"auth": "scram"}, "auth"),
    ({"tls_mode": "require"}, "tls_mode"),
    ({"attempt_timeout": "1min", "hold_timeout": "1s"}, "attempt_timeout"),
    ({"auth": "scram", "auth_file": "/nowhere"}, "/nowhere"),
    ({"rules": "[rule]\n"}, "this rule sets nothing"),
    ({"polcy": "hold"}, "policy"),
])
def test_any_mistake_is_told_and_changes_nothing(lockstep, database, tables,
                                                 changes, words):
    told = lockstep.reload(**{"policy": "reject", **changes})
    assert words in told[0]
    assert_nothing_has_changed(lockstep, database)


def test_a_file_that_is_gone_changes_nothing(lockstep, database, tables):
    lockstep.path.unlink()
    told = lockstep.signal_reload()
    assert "No such file or directory" in told[0]
    assert_nothing_has_changed(lockstep, database)


def test_a_bad_key_stops_good_settings(start, database, tables):
    """And a mistake in the settings a good certificate."""
    lockstep = start()
    first, second = pki.shared().lockstep, pki.shared().rsa
    cert, key = lockstep.folder / "cert", lockstep.folder / "key"
    pki.install(first.cert, str(cert))
    pki.install(first.key, str(key))
    lockstep.reload(tls_mode="prefer", tls_cert=cert, tls_key=key)
    assert pki.is_same(tls.shown(lockstep), first)
    pki.install(second.key, str(key))
    told = lockstep.reload(policy="reject")
    assert str(key) in told[0]
    assert_nothing_has_changed(lockstep, database, "2")
    assert pki.is_same(tls.shown(lockstep), first)
    pki.install(second.cert, str(cert))
    assert "policy" in lockstep.reload(policy="no such policy")[0]
    assert_nothing_has_changed(lockstep, database, "2")
    assert pki.is_same(tls.shown(lockstep), first)
    lockstep.reload(policy="reject")
    assert pki.is_same(tls.shown(lockstep), second)
    with Wire(lockstep, database) as session:
        assert drop(session, "table_d") == [REFUSED]


# -- what a restart is needed for -------------------------------------------

def test_what_needs_a_restart_is_named_and_stays(lockstep):
    kept = {"listen": f"127.0.0.1:{free_port()}", "workers": "1",
            "reuse_port": "on", "log_format": "json",
            "tcp_user_timeout": "1s"}
    before = {row[0]: row for row in lockstep.show("CONFIG")}
    with lockstep.console() as console:
        lockstep.write(policy="hold", **kept)
        trace = console.query("RELOAD")
        assert ("C", ("RELOAD",)) in trace
        notices = [tuple(map(dict(fields).get, "SCM"))
                   for kind, fields in trace if kind == "N"]
        cannot = [f'parameter "{name}" cannot be changed without restarting'
                  for name in kept]
        assert sorted(text for severity, sqlstate, text in notices
                      if (severity, sqlstate) == ("WARNING", "55P02")) == \
            sorted(cannot)
        assert notices[-1] == (
            "NOTICE", "00000", "configuration reloaded (generation 2): "
            "changed policy")
        assert sorted(lockstep.told("parameter ")) == sorted(cannot)
        # Once more: the same file is no change, but still wants a restart.
        trace = console.query("RELOAD")
        assert [kind for kind, _ in trace].count("N") == len(kept)
    after = {row[0]: row for row in lockstep.show("CONFIG")}
    assert all(after[name] == before[name] for name in kept)
    assert after["policy"][1] == "hold"
    with Wire(lockstep) as session:
        run(session, "select 1")


def test_the_manual_tells_what_needs_a_restart(lockstep):
    shown = {row[0] for row in lockstep.show("CONFIG") if row[3] == "no"}
    assert "listen" in shown and "policy" not in shown
    shown.remove("log_pooler_errors")  # PgBouncer's, for check_postgres
    page = (ROOT / "docs" / "settings.md").read_text()
    told, = re.findall(r"^These need a restart: (.*?)\.$", page,
                       re.M | re.S)
    assert set(re.findall(r"`(\w+)`", told)) == shown
    usage = program.run("--help").stdout
    told, = re.findall(r"These need a restart:\n(.*?)\n\n", usage, re.S)
    assert set(told.split()) == shown


def test_the_command_line_still_goes_before_the_file(cluster):
    lockstep = Configured(cluster)
    lockstep.arguments = (*lockstep.arguments, "--set", "policy=hold")
    with lockstep:
        assert lockstep.reload(policy="reject")[0].endswith(
            "no setting has changed")
        assert ("policy", "hold", "auto", "yes",
                "command line") in lockstep.show("CONFIG")


# -- under way --------------------------------------------------------------

def test_what_is_held_ends_by_its_old_bounds(start, cluster, database, admin,
                                             tables):
    lockstep = start(policy="hold", hold_timeout="3s")
    with Wire(lockstep, database) as old, Holder(
            cluster, database, "lock table table_a in access share mode"):
        held = ask(old, "drop table table_d")
        with lockstep.console() as console:
            until(lambda: rows(console.query("SHOW HELD")))
        lockstep.reload(policy="reject", hold_timeout="1h")
        with Wire(lockstep, database) as new:
            assert drop(new, "table_d") == [REFUSED]
        assert not held.is_answered()
        assert sqlstates(held.answer()) == ["55P03"]
        assert errors(old.query("select 1")) == []


def test_a_hundred_reloads_disturb_nobody(start, bench):
    """Who stays connected, who connects for each transaction, who scrapes;
    and no generation stays behind."""
    lockstep = start()
    rules = "".join(f"[rule {i}]\ndatabase = {NAMES}\npolicy = hold\n"
                    for i in range(RULES))
    stay = bench(lockstep)
    connect = bench(lockstep, "-C")
    rss = []
    for i in range(TIMES):
        lockstep.reload(rules=rules + f"[rule last]\nuser = u{i}\n"
                        "policy = pass\n")
        assert lockstep.metrics()[1] == 1
        rss.append(lockstep.rss())
    for _ in range(BURST):  # those that come at once are fewer
        lockstep.process.send_signal(signal.SIGHUP)
    assert lockstep.told("configuration not") == []
    for one in stay, connect:
        if one.poll() is not None:
            raise AssertionError(one.stdout.read())
        one.send_signal(signal.SIGINT)
        one.wait(wire.HANG_BOUND_S)
    until(lambda: lockstep.metrics() == (len(lockstep.told()) + 1, 1))
    begun = TIMES // 5
    kept = RULES * RULE_BYTES * (TIMES - begun)  # if each stayed
    assert rss[-1] - rss[begun] < kept / 2, rss
