"""SET in the console: a setting of the running process gets another value.

It lies over the file, the environment and the command line, until the process
ends or SET ... = DEFAULT takes it away.
"""
import os

import pytest

import clients
import scram
from test_console import refusal
from test_reload import Configured, drop, start, tables
from consoled import ADMIN, PASSWORD, VIEWER, psql
from wire import Wire, errors, extended, query, rows, sqlstates, sync

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("nothing of it depends on TLS")]

REFUSED = "42501"
SECRET = "hunter2"
assert start and tables  # fixtures


@pytest.fixture
def lockstep(start):
    return start()


@pytest.fixture
def console(lockstep):
    with lockstep.console() as console:
        yield console


def set_to(console, text):
    """SET, which has to succeed."""
    trace = console.query(f"SET {text}")
    assert errors(trace) == [], trace
    assert ("C", ("SET",)) in trace, trace


def refused(console, text):
    trace = console.query(f"SET {text}")
    told, = errors(trace)
    assert ("C", ("SET",)) not in trace
    return told


def config(console):
    """(value, source) by name."""
    found = {row[0]: (row[1], row[4])
             for row in rows(console.query("SHOW CONFIG"))}
    assert found.pop("max_client_conn") == found["max_connections"]
    return found


def notices(trace):
    return [dict(fields)["M"] for kind, fields in trace if kind == "N"]


def test_a_new_session_has_what_was_set(lockstep, console, database, tables):
    with Wire(lockstep, database) as before:
        set_to(console, "policy = reject")
        with Wire(lockstep, database) as after:
            assert drop(after, "table_c") == [REFUSED]
        assert drop(before, "table_d") == []
    set_to(console, "policy = DEFAULT")
    with Wire(lockstep, database) as again:
        assert drop(again, "table_c") == []


@pytest.mark.parametrize("text, name, value", [
    ("hold_timeout = 7s", "hold_timeout", "7s"),
    ("hold_timeout TO 7s", "hold_timeout", "7s"),
    ("HOLD_TIMEOUT to '7000'", "hold_timeout", "7s"),
    ("hold_timeout='7 s';", "hold_timeout", "7s"),
    ("lock_order = 'public.b, a'", "lock_order", "public.b,a"),
    ("guard_single_table = yes", "guard_single_table", "on"),
    ("max_connections = 12", "max_connections", "12"),
    ("parse_limit = 2kB", "parse_limit", "2kB")])
def test_it_is_read_as_the_file_is(console, text, name, value):
    was = config(console)
    assert was[name][1] == "default"
    set_to(console, text)
    now = config(console)
    assert now.pop(name) == (value, "console")
    preset = was.pop(name)
    assert now == was
    set_to(console, f"{name} = default")
    assert config(console)[name] == preset


def test_each_source_has_its_name(cluster, start):
    lockstep = start(policy="hold")
    with lockstep.console() as console:
        found = config(console)
        assert found["policy"] == ("hold", "file")
        assert found["hold_timeout"] == ("5min", "default")
        set_to(console, "policy = lock")
        assert config(console)["policy"] == ("lock", "console")


def test_what_takes_effect_at_once(lockstep, console):
    set_to(console, "log_level = debug")
    with lockstep.console():
        pass
    assert any(event["level"] == "debug" for event in lockstep.events())


def test_limits_are_others(lockstep, console, database):
    set_to(console, "max_connections = 1")
    with Wire(lockstep, database) as one:
        assert sqlstates(one.greeting) == ["53300"]
    set_to(console, "max_connections = 100")
    with Wire(lockstep, database) as one:
        assert sqlstates(one.greeting) == []


# -- the file, and RELOAD ---------------------------------------------------

def test_the_file_as_edited_is_not_taken_up(lockstep, console):
    """Nor is one that has mistakes, or that is gone."""
    lockstep.write(hold_timeout="9s", gate_window="nonsense")
    set_to(console, "policy = hold")
    assert config(console)["hold_timeout"] == ("5min", "default")
    os.rename(lockstep.path, f"{lockstep.path}.away")
    set_to(console, "policy = lock")
    assert config(console)["policy"] == ("lock", "console")
    assert lockstep.state()["last_reload"] == "ok"


def test_a_reload_keeps_what_was_set(lockstep, console):
    set_to(console, "policy = lock")
    lockstep.write(policy="pass", hold_timeout="9s")
    trace = console.query("RELOAD")
    assert errors(trace) == []
    assert 'parameter "policy" keeps the value that SET gave it' in notices(
        trace)
    found = config(console)
    assert found["policy"] == ("lock", "console")
    assert found["hold_timeout"] == ("9s", "file")
    assert lockstep.signal_reload()
    assert config(console)["policy"] == ("lock", "console")
    set_to(console, "policy = default")
    assert config(console)["policy"] == ("pass", "file")
    assert notices(console.query("RELOAD")) == []


def test_a_file_that_does_not_go_with_it_is_refused(lockstep, console):
    set_to(console, "hold_timeout = 1s")
    lockstep.write(attempt_timeout="2s")
    told, = errors(console.query("RELOAD"))
    assert told["C"] == "F0000" and "hold_timeout (1s)" in told["D"]
    assert lockstep.state()["last_reload"] == "failed"
    # Which SET neither mends nor makes.
    set_to(console, "policy = hold")
    assert lockstep.state()["last_reload"] == "failed"
    set_to(console, "hold_timeout = default")
    assert errors(console.query("RELOAD")) == []
    assert lockstep.state()["last_reload"] == "ok"


def test_a_pipe_is_read_once_and_set_all_the_same(cluster):
    """As `-c <(...)`: RELOAD cannot read it again."""
    class Piped(Configured):
        def write(self, rules=None, **changes):
            super().write(rules, **changes)
            text = self.path.read_bytes()
            self.path.unlink()
            os.mkfifo(self.path)
            self.writer = os.fork()
            if self.writer == 0:
                try:
                    with open(self.path, "wb") as pipe:
                        pipe.write(text)
                finally:
                    os._exit(0)

    with Piped(cluster) as lockstep, lockstep.console() as console:
        os.waitpid(lockstep.writer, 0)
        set_to(console, "policy = hold")
        assert config(console)["policy"] == ("hold", "console")
        assert config(console)["workers"] == ("2", "file")
        assert sqlstates(console.query("RELOAD")) == ["F0000"]
        set_to(console, "policy = lock")


def test_other_files_are_not_read_again(start):
    lockstep = start()
    users = lockstep.folder / "users"

    def write(*names):
        users.write_text("".join(
            f'"{name}" "{scram.verifier(PASSWORD)}"\n' for name in names))
        users.chmod(0o600)

    def login(user):
        with clients.libpq_connect(
                host=lockstep.host, port=lockstep.port, user=user,
                password=PASSWORD, dbname="lockstep", sslmode="disable",
                passfile="/dev/null") as connection:
            return connection.execute("SHOW VERSION").fetchone()

    write(VIEWER)
    lockstep.reload(auth_file=str(users),
                    admin_users=f"{lockstep.in_file['admin_users']}, {ADMIN}",
                    stats_users=VIEWER)
    write(ADMIN)
    with lockstep.console() as console:
        for value in "hold", "lock", "default":
            set_to(console, f"policy = {value}")
            assert login(VIEWER)
            assert "does not exist" in refusal(lambda: login(ADMIN))
        console.query("RELOAD")
    assert login(ADMIN)


# -- what is refused --------------------------------------------------------

@pytest.mark.parametrize("text, name, message", [
    ("hold_timeout = 'soon'", "hold_timeout", None),
    ("hold_timeout = 1ms", "hold_timeout", None),
    ("policy = nonsense", "policy", None),
    ("policy = ''", "policy", "policy: the value is missing"),
    ("lock_order = 'a,,b'", "lock_order", None)])
def test_a_wrong_value_is_told_as_of_the_file(lockstep, console, text, name,
                                              message):
    told = refused(console, text)
    assert told["C"] == "22023" and "H" in told
    assert config(console)[name][1] == "default"
    value = text.partition("=")[2].strip(" '")
    lockstep.write(**{name: value})
    in_file, = errors(console.query("RELOAD"))
    line = lockstep.line_of(name)
    assert in_file["D"] == f"{lockstep.path}:{line}: {told['M']}"
    assert message in (None, told["M"])


def test_values_that_do_not_go_together_are_refused(lockstep, console):
    generation = lockstep.state()["generation"]
    told = refused(console, "hold_timeout = 100ms")
    assert told["C"] == "22023"
    assert told["D"] == ("SET hold_timeout: attempt_timeout (200ms) is longer "
                         "than hold_timeout (100ms)")
    assert lockstep.state()["generation"] == generation
    set_to(console, "attempt_timeout = 50ms")
    set_to(console, "hold_timeout = 100ms")
    told = refused(console, "attempt_timeout = default")
    assert told["C"] == "22023"
    assert config(console)["attempt_timeout"] == ("50ms", "console")


@pytest.mark.parametrize("text, nearest", [
    ("polcy = hold", "policy"), ("lockstep.policy = hold", "policy"),
    ("hold_timeouts = 5", "hold_timeout"), ("'' = 5", None),
    ("\xe4\xf6\xfc = 5", None), ("'a\nb' = 5", None)])
def test_an_unknown_name_is_told_with_the_nearest(console, text, nearest):
    told = refused(console, text)
    assert told["C"] == "42704"
    assert nearest is None or f"nearest is {nearest}." in told["H"]


@pytest.mark.parametrize("name, value", [
    ("workers", "3"), ("listen", "127.0.0.1:1"), ("log_file", "/tmp/x"),
    ("fleet", f"host=a dbname=b password={SECRET}"), ("rescue", "off")])
def test_what_needs_a_restart_is_refused(lockstep, console, name, value):
    told = refused(console, f"{name} = '{value}'")
    assert told["C"] == "55P02" and "restart" in told["H"]
    assert SECRET not in str(told) + str(lockstep.events())


@pytest.mark.parametrize("name, value", [
    ("upstream", f"host=localhost password={SECRET}"), ("auth", "pass"),
    ("auth_file", "/etc/shadow"), ("admin_users", "mallory"),
    ("stats_users", "mallory"), ("tls_mode", "disable"),
    ("tls_key", "/etc/shadow"), ("http_admin", "on"),
    ("http_hosts", "*")])
def test_whom_it_trusts_is_the_files(lockstep, console, name, value):
    for given in f"'{value}'", "default":
        told = refused(console, f"{name} = {given}")
        assert told["C"] == "55P02" and "RELOAD" in told["H"]
        assert SECRET not in str(told) + str(lockstep.events())


def test_who_may_look_may_not_set(start):
    lockstep = start()
    users = lockstep.folder / "users"
    users.write_text(f'"{VIEWER}" "{scram.verifier(PASSWORD)}"\n')
    users.chmod(0o600)
    lockstep.reload(auth_file=str(users), stats_users=VIEWER)
    with clients.libpq_connect(
            host=lockstep.host, port=lockstep.port, user=VIEWER,
            password=PASSWORD, dbname="lockstep", sslmode="disable",
            passfile="/dev/null", autocommit=True) as connection:
        for text in "policy = hold", "policy = default", "nonsense = 5":
            with pytest.raises(clients.psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET {text}")
        connection.execute("SET application_name = 'x'")
    assert dict(row[:2] for row in lockstep.show("CONFIG"))["policy"] == "auto"


@pytest.mark.parametrize("text", [
    "policy", "policy =", "policy hold", "policy = a b", "lock_order = a, b",
    "policy = 'a", f"{'a' * 2000} = 5", f"policy = '{'a' * 2000}'"])
def test_what_is_no_assignment_is_told_so(console, text):
    assert refused(console, text)["C"] == "42601"


# -- the ways ---------------------------------------------------------------

def test_the_log_tells_who_has_set_what(lockstep, console):
    set_to(console, "hold_timeout = 7s")
    asked = next(event for event in lockstep.events()
                 if event.get("command") == "SET")
    assert asked["setting"] == "hold_timeout"
    assert lockstep.told("parameter") == [
        'parameter "hold_timeout" is 7s from now on, as the console has set '
        "it (generation 2)"]


def test_several_at_once_and_in_an_extended_cycle(lockstep, console):
    trace = console.query("SET policy = hold; SET hold_timeout = 1ms; "
                          "SET replay = off")
    assert [kind for kind, _ in trace] == list("CEZ")
    found = config(console)
    assert found["policy"] == ("hold", "console")
    assert found["replay"][1] == "default"
    with lockstep.console() as other:
        trace = other.run(*extended("SET replay = off"), sync())
        assert errors(trace) == []
    assert config(console)["replay"] == ("off", "console")


def test_psql(start):
    lockstep = start()
    told = psql(lockstep, "-c", "SET policy TO 'hold'")
    assert told.stdout == "SET\n" and told.returncode == 0
    told = psql(lockstep, "-c", "SET polcy = 'hold'")
    assert "The nearest is policy." in told.stderr


def test_a_thousand_times_is_not_kept(lockstep, console):
    """Each generation goes when nobody goes by it."""
    console.send(*[query("SET policy = hold") for _ in range(1000)])
    for _ in range(1000):
        assert errors(console.read_until("Z")) == []
    assert lockstep.state()["generation"] == "1001"
    assert config(console)["policy"] == ("hold", "console")
