"""Who has nothing to do with one another does not wait for one another, and
who has is told for whom; nobody keeps the turn from others for long.

Each scene is played directly, too: there nobody waits in any of them.
"""

import contextlib
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from scene import Holder, ask, wait_for, wait_gone
from wire import Wire, errors, query, sqlstates

# All that is said here of turns is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

TURN_WAIT_S = 5  # then a turn is waived

TABLES = """
create table a (id int primary key);
create table b (id int primary key);
create table c (a_id int references a, b_id int references b);
create table x (id int primary key);
create table y (x_id int references x);
create table z (x_id int references x);
"""


@pytest.fixture
def play(database, admin):
    """Sessions of a scene, in a database with the tables."""
    admin.execute(TABLES)
    opened = []

    def session(endpoint, **parameters):
        opened.append(Wire(endpoint, database, **parameters))
        return opened[-1]

    yield session
    for one in opened:
        one.close()


def well(trace):
    assert errors(trace) == [], trace
    return trace


def ends_of(lockstep, count):
    """The last lines of the log about guarded statements."""
    return lockstep.wait_guarded(count)[-1]


# -- sets that do not meet --------------------------------------------------

def load_beside(play, endpoint):
    """A loader truncates its table while another one is at work; it has the
    lock_timeout of migration tools."""
    first, second = play(endpoint), play(endpoint)
    for text in "begin", "truncate c":
        well(first.query(text))
    well(second.query("set lock_timeout = '3s'"))
    for text in "begin", "truncate y", "truncate z", "commit":
        well(second.query(text))
    well(first.query("commit"))


def test_loaders_of_other_tables_do_not_wait(direct, lockstep, play):
    load_beside(play, direct)
    load_beside(play, lockstep)


ITS_OWN = {
    "a temporary table": ["create temp table t (id int)", "drop table t"],
    "two of before": ["drop table old_t, old_r"],
    "a new table": ["create table n (id int primary key)",
                    "create table r (n int references n)", "truncate r",
                    "drop table n cascade", "drop table r"],
    "once more": ["truncate c", "truncate c", "truncate c"],
    "a locked one": ["lock table c", "truncate c"],
}


def use_what_is_its_own(play, endpoint, texts):
    """A transaction about what nobody else can be in the way of, beside one
    that does the same."""
    sessions = play(endpoint), play(endpoint)
    for one in sessions:
        for text in ("create temp table old_t (id int primary key)",
                     "create temp table old_r (id int references old_t)",
                     "begin", "set lock_timeout = '1s'"):
            well(one.query(text))
    for text in texts:
        well(sessions[0].query(text))
    well(sessions[0].query("rollback"))
    return sessions[0]


@pytest.mark.parametrize("what", ITS_OWN)
def test_what_is_its_own_needs_no_attempt(direct, lockstep, play, what):
    use_what_is_its_own(play, direct, ITS_OWN[what])
    guarded = len(lockstep.guarded())
    use_what_is_its_own(play, lockstep, ITS_OWN[what])
    lines = lockstep.guarded()[guarded:]
    assert len(lines) == (1 if what == "once more" else 0), lines


RUNNING_ON = {
    "one message": ["drop table y, z; select pg_sleep(60)"],
    "a block in one": ["begin; drop table y, z; select pg_sleep(60); commit"],
    "a block": ["begin", "drop table y, z", "select pg_sleep(60)"],
    "a DO block": ["do $$ begin drop table y; drop table z; "
                   "perform pg_sleep(60); end $$"],
}


def drop_beside(play, endpoint, admin, texts):
    """While another session's message runs on behind its drop."""
    first, second = play(endpoint), play(endpoint)
    for text in texts[:-1]:
        well(first.query(text))
    asked = ask(first, texts[-1])
    wait_for(admin, "exists (select from pg_stat_activity "
             "where wait_event = 'PgSleep')")
    well(second.query("set lock_timeout = '4s'"))
    well(second.query("drop table c"))
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                  "where wait_event = 'PgSleep'")
    asked.answer()


@pytest.mark.parametrize("way", RUNNING_ON)
def test_what_runs_on_behind_a_drop_stops_no_other(direct, lockstep, play,
                                                   admin, way):
    drop_beside(play, direct, admin, RUNNING_ON[way])
    admin.execute("drop table a, b cascade")
    admin.execute("create table if not exists x (id int primary key)")
    admin.execute("drop table x cascade; drop table if exists c, y, z")
    admin.execute(TABLES)
    drop_beside(play, lockstep, admin, RUNNING_ON[way])


ANSWER = "select repeat('x', 1000) from generate_series(1, 100000)"
UNREAD = {
    # name: (texts that are read, texts whose answers are not, what another
    # session does)
    "one message": ([], [f"drop table y, z; {ANSWER}"], "drop table c"),
    "a block": (["begin", "drop table y, z"], [ANSWER], "drop table c"),
    "a block in one": ([], [f"begin; drop table y, z; {ANSWER}; commit"],
                       "drop table c"),
    # what is over keeps nothing from who wants the same
    "two messages": ([], ["drop table y, z", ANSWER], "drop table x"),
}


def drop_beside_an_unread_answer(play, endpoint, admin, way):
    read, unread, other = UNREAD[way]
    first, second = play(endpoint), play(endpoint)
    for text in read:
        well(first.query(text))
    first.send(*map(query, unread))
    wait_for(admin, "exists (select from pg_stat_activity where pid = %s "
             "and wait_event = 'ClientWrite')", first.pid)
    well(second.query("set lock_timeout = '4s'"))
    well(second.query(other))
    admin.execute("select pg_terminate_backend(%s)", [first.pid])
    wait_gone(admin, first.pid)


@pytest.mark.parametrize("way", UNREAD)
def test_an_answer_that_nobody_reads_stops_no_other(direct, lockstep, play,
                                                    admin, way):
    drop_beside_an_unread_answer(play, direct, admin, way)
    admin.execute("drop table if exists a, b, c, x, y, z cascade")
    admin.execute(TABLES)
    drop_beside_an_unread_answer(play, lockstep, admin, way)


LOOPBACK = """
create extension postgres_fdw;
create server loopback foreign data wrapper postgres_fdw
    options (host '{host}', port '{port}', dbname '{database}');
create user mapping for postgres server loopback;
create foreign table far_y (x_id int) server loopback
    options (table_name 'y');
create foreign table far_z (x_id int) server loopback
    options (table_name 'z');
insert into x values (1); insert into y values (1); insert into z values (1);
"""
THROUGH_ITSELF = {
    "alone": ["truncate far_y, far_z"],
    "with others": ["truncate far_y, c, far_z"],
    "behind a drop": ["begin", "drop table c", "truncate far_y, far_z",
                      "commit"],
    "in one message": ["begin; drop table c; truncate far_y, far_z; commit"],
}


def truncate_through_itself(play, endpoint, database, admin, texts):
    """Seconds that it takes when the server's own session comes the same way
    for the tables behind the foreign ones."""
    admin.execute(LOOPBACK.format(host=endpoint.host, port=endpoint.port,
                                  database=database))
    session = play(endpoint)
    begun = time.monotonic()
    for text in texts:
        well(session.query(text))
    took_s = time.monotonic() - begun
    assert admin.execute("select (select count(*) from y) + "
                         "(select count(*) from z)").fetchone()[0] == 0
    session.close()
    return took_s


@pytest.mark.clear_only("libpq in the server would need certificates")
@pytest.mark.parametrize("way", THROUGH_ITSELF)
def test_a_statement_that_comes_back_does_not_wait_for_itself(
        direct, lockstep, play, database, admin, way):
    texts = THROUGH_ITSELF[way]
    truncate_through_itself(play, direct, database, admin, texts)
    admin.execute("drop extension postgres_fdw cascade")
    admin.execute("drop table if exists a, b, c, x, y, z cascade")
    admin.execute(TABLES)
    took_s = truncate_through_itself(play, lockstep, database, admin, texts)
    assert took_s < TURN_WAIT_S


# -- sets that meet ---------------------------------------------------------

def test_who_waits_for_the_turn_is_told_for_whom(lockstep, play, admin):
    first = play(lockstep, application_name="e2e_first")
    second = play(lockstep)
    asked = ask(first, "drop table c; select pg_sleep(2.5)")
    wait_for(admin, "exists (select from pg_stat_activity "
             "where wait_event = 'PgSleep')")
    trace = well(second.query("truncate a, b"))
    well(asked.answer())
    details = [dict(message[1][:6]).get("D", "") for message in trace
               if message[0] == "N"]
    assert any(f"pid {first.pid} " in detail and '"e2e_first"' in detail
               for detail in details), trace


def test_the_turn_is_waived_for_who_has_little_time(lockstep, play, admin):
    """What stands in his way then are locks, and their holder is named."""
    first, second = play(lockstep), play(lockstep)
    asked = ask(first, "drop table c; select pg_sleep(60)")
    wait_for(admin, "exists (select from pg_stat_activity "
             "where wait_event = 'PgSleep')")
    well(second.query("set lock_timeout = '700ms'"))
    trace = second.query("truncate a, b")
    assert sqlstates(trace) == ["55P03"]
    detail = errors(trace)[0]["D"]
    assert f"pid {first.pid} " in detail and " 0 attempts" not in detail
    assert "named above" in errors(trace)[0]["H"]
    admin.execute("select pg_terminate_backend(%s)", [first.pid])
    asked.answer()


# -- advisory locks, which anybody may take ---------------------------------

# The key of one lock for all, which it once was, and that of table a.
KEYS = ["5507730182447064432", "1282368363, 'a'::regclass::int"]
STRANGERS = {
    "exclusive": [f"select pg_advisory_lock({key})" for key in KEYS],
    "shared": [f"select pg_advisory_lock_shared({key})" for key in KEYS],
}
IN_TIME = ["set lock_timeout = '1500ms'", "set lockstep.hold_timeout = '2s'"]


def drop_as_owner(play, endpoint, admin, role, setting):
    """The owner of c may not LOCK a; a stranger's lock is in its way."""
    admin.execute(f"create role {role} login; grant create on schema public "
                  f"to {role}; alter table c owner to {role}; "
                  f"alter table b owner to {role}")
    try:
        owner = play(endpoint, user=role)
        well(owner.query(setting))
        well(owner.query("drop table c"))
    finally:
        admin.execute(f"drop owned by {role} cascade; drop role {role}")


@pytest.mark.parametrize("setting", IN_TIME,
                         ids=["lock_timeout", "hold_timeout"])
@pytest.mark.parametrize("lock", STRANGERS)
def test_a_strangers_advisory_lock_refuses_nothing(direct, lockstep, play,
                                                   admin, lock, setting):
    role = f"e2e_owner_{time.monotonic_ns()}"
    stranger = play(direct, application_name="e2e_stranger")
    for text in STRANGERS[lock]:
        well(stranger.query(text))
    drop_as_owner(play, direct, admin, role, setting)
    admin.execute("drop table if exists a, b, c, x, y, z cascade")
    admin.execute(TABLES)
    # Of the new table a.
    well(stranger.query(STRANGERS[lock][1]))
    guarded = len(lockstep.guarded())
    drop_as_owner(play, lockstep, admin, role, setting)
    line = ends_of(lockstep, guarded + 1)
    assert line["outcome"] == "protected"
    assert f"pid {stranger.pid} " in line["turn_of"]
    assert "e2e_stranger" in line["turn_of"]


def drop_beside_a_drop(play, endpoint, other):
    """Two that have nothing to do with one another, each by a way of its own;
    the first one's transaction, which goes on, and the second session."""
    first, second = play(endpoint), play(other)
    well(first.query("begin"))
    well(first.query("drop table c"))
    well(second.query("set lock_timeout = '3s'"))
    well(second.query("drop table y"))
    return first, second


def test_two_proxies_need_no_advisory_lock_for_what_can_be_locked(
        start_lockstep, direct, play, admin):
    """The table locks keep them apart; nothing is left for strangers."""
    first, second = drop_beside_a_drop(play, direct, direct)
    well(first.query("rollback"))
    admin.execute("drop table a, b, c, x, z cascade")
    admin.execute(TABLES)
    first, second = drop_beside_a_drop(play, start_lockstep(),
                                       start_lockstep())
    assert admin.execute("select count(*) from pg_locks where locktype = "
                         "'advisory'").fetchone()[0] == 0
    asked = ask(second, "truncate a, b")
    assert not asked.is_answered(0.3)
    well(first.query("commit"))
    well(asked.answer())


def test_drops_in_a_row_take_no_longer_beside_others(lockstep, play):
    """Another session is in the middle of a transaction about other tables."""
    first, second = play(lockstep), play(lockstep)
    for text in "begin", "drop table z":
        well(first.query(text))
    for number in range(10):
        well(second.query(f"create table p{number} (id int primary key); "
                          f"create table q{number} (p int references "
                          f"p{number})"))
        second.send(query(f"drop table q{number}"))
        well(second.read_ready())
    well(first.query("rollback"))
    assert all("turn_of" not in line for line in lockstep.guarded()[-10:])


# -- a server that falls silent ---------------------------------------------

class Relay:
    """A port before the server; a connection through it can be made mute: what
    either side says stays here, and nothing ends."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.mute = []  # an Event for each connection
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one = self.listener.accept()[0]
                other = socket.create_connection((self.server.host,
                                                  self.server.port))
                self.mute.append(threading.Event())
                self.sockets += one, other
                for ends in (one, other), (other, one):
                    threading.Thread(target=self.pump, daemon=True,
                                     args=(*ends, self.mute[-1])).start()

    @staticmethod
    def pump(one, other, mute):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not mute.is_set():
                    other.sendall(data)
            if not mute.is_set():
                other.shutdown(socket.SHUT_WR)

    def close(self):
        for one in self.sockets:
            one.close()


@pytest.fixture
def relay(cluster):
    relay = Relay(cluster)
    yield relay
    relay.close()


@pytest.mark.parametrize("client", ["waits", "leaves"])
@pytest.mark.clear_only("the relay is not the host of the certificate")
def test_a_silent_server_keeps_nothing_from_others(start_lockstep, play, relay,
                                                   direct, database, admin,
                                                   client):
    upstream = SimpleNamespace(host="127.0.0.1", port=relay.port)
    lockstep = start_lockstep(upstream, policy="lock", hold_timeout="12s")
    second = play(lockstep)
    first = play(lockstep)
    with Holder(direct, database, "select * from b"):
        asked = ask(first, "drop table c")
        time.sleep(0.5)
        relay.mute[-1].set()
        time.sleep(0.5)
        if client == "leaves":
            first.socket.shutdown(socket.SHUT_WR)
    well(second.query("drop table y"))  # of others' tables
    well(second.query("truncate a, b, c"))
    trace = asked.answer()
    assert sqlstates(trace) == ["08006"], trace
    warnings = [event["message"] for event in lockstep.events()
                if event["level"] == "warn"]
    assert "the server does not answer" in warnings
    closed = [event for event in lockstep.events()
              if event.get("reason") == "upstream-silent"]
    assert len(closed) == 1


# -- the server's clocks ----------------------------------------------------

CLOCKS = {
    "idle_session_timeout": [],
    "idle_in_transaction_session_timeout": ["begin"],
}


def wait_idly(play, endpoint, admin, clock):
    """Behind a statement that runs on for longer than the clock allows."""
    first, second = play(endpoint), play(endpoint)
    asked = ask(first, "drop table c; select pg_sleep(2.5)")
    wait_for(admin, "exists (select from pg_stat_activity "
             "where wait_event = 'PgSleep')")
    well(second.query(f"set {clock} = '700ms'"))
    for text in CLOCKS[clock]:
        well(second.query(text))
    well(second.query("truncate a, b"))
    well(asked.answer())


@pytest.mark.parametrize("clock", CLOCKS)
def test_who_waits_here_is_not_idle_for_the_server(direct, lockstep, play,
                                                   admin, clock):
    wait_idly(play, direct, admin, clock)
    admin.execute("create table c (a_id int references a, "
                  "b_id int references b)")
    wait_idly(play, lockstep, admin, clock)
