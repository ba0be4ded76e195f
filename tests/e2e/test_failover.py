"""Which of several hosts a client gets, and what a promote does to it.

Two real servers in streaming replication.  The reference is libpq: straight at
the same two hosts, with the same target_session_attrs, it ends at the host at
which clients of Lockstep end.
"""
import contextlib
import signal
import struct
import threading
import time

import psycopg
import pytest

import wire
from cluster import Cluster
from fake_server import (FakeServer, fatal, read_message,
                         read_startup_in_clear)
from network import Network
from program import Bare, startup_packet
from proxy import conninfo
from replication import Standby
from scene import Asked, Holder, wait_for
from test_lifecycle import several, until
from test_reload import Configured
from wire import HANG_BOUND_S, Wire, errors, query, rows, sqlstates

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("these servers have no TLS of their own")]

ATTRS = ["any", "read-write", "read-only", "primary", "standby",
         "prefer-standby"]
NOT_NOW = "57P03"
READ_ONLY = "25006"
ROLE, PASSWORD = "e2e_writer", "of the tests"
TABLES = """
create table written(n serial primary key, by int);
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
create table table_d(a_id int, b_id int);
create function slow(n int) returns boolean language sql
as 'select pg_sleep(60) is not null';
insert into table_a values (1);
insert into table_d values (1, 1);
"""
IN_RECOVERY = "select pg_is_in_recovery()"


def make_tables(primary):
    with primary.connect() as admin:
        admin.execute(TABLES)
        admin.execute(f"create role {ROLE} login password '{PASSWORD}'")
        admin.execute(f"grant all on written to {ROLE}")
        admin.execute("grant usage on sequence written_n_seq to " + ROLE)
    primary.require_password(ROLE)


@pytest.fixture(scope="module")
def primary():
    with Cluster() as primary:
        make_tables(primary)
        yield primary


@pytest.fixture(scope="module")
def standby(primary):
    with Standby(primary) as standby:
        yield standby.follow()


@pytest.fixture
def pair():
    """Two servers of this test's own: it stops one, and promotes the other."""
    with Cluster() as first:
        make_tables(first)
        with Standby(first) as second:
            yield first, second.follow()


def where(place, user="postgres", **options):
    """The state of the host that psycopg's libpq ends at, or its error."""
    try:
        with psycopg.connect(host=place.host, port=place.port, user=user,
                             dbname="postgres", connect_timeout=HANG_BOUND_S,
                             **options) as c:
            return c.execute(IN_RECOVERY).fetchone()[0]
    except psycopg.OperationalError as error:
        return str(error)


def is_standby(place, **options):
    told = where(place, **options)
    assert told in (True, False), told
    return told


def serve(start_lockstep, attrs, *servers, **settings):
    return start_lockstep(several(*servers), {"sslmode": "disable",
                                              "target_session_attrs": attrs},
                          **settings)


def first_error(lockstep):
    """Of a login: (what it heard before that, the fields)."""
    with Bare(lockstep) as session:
        session.send(startup_packet())
        trace = session.read_all()
    kinds = [kind for kind, _ in trace]
    return kinds[:kinds.index("E")], errors(trace)[0]


# -- which host -------------------------------------------------------------

def test_any_hands_out_a_host_that_cannot_write(start_lockstep, primary,
                                                standby):
    """What goes wrong without it."""
    lockstep = serve(start_lockstep, "any", standby, primary)
    with Wire(lockstep) as session:
        assert rows(session.query(IN_RECOVERY)) == [("t",)]
        assert sqlstates(session.query(
            "insert into written(by) values (0)")) == [READ_ONLY]


@pytest.mark.parametrize("order", ["primary first", "standby first",
                                   "primary alone", "standby alone"])
@pytest.mark.parametrize("attrs", ATTRS)
def test_ends_where_libpq_does(start_lockstep, primary, standby, attrs, order):
    hosts = {"primary first": (primary, standby),
             "standby first": (standby, primary),
             "primary alone": (primary,), "standby alone": (standby,)}[order]
    directly = where(several(*hosts), target_session_attrs=attrs)
    lockstep = serve(start_lockstep, attrs, *hosts)
    for _ in range(3):
        told = where(lockstep)
        if directly in (True, False):
            assert told == directly
            continue
        for words in ("is read-only", "is not read-only",
                      "is in hot standby mode", "is not in hot standby mode"):
            if words in directly:
                assert words in told or "is in hot standby mode" in told


@pytest.mark.parametrize("attrs", ["read-write", "primary"])
def test_who_has_shown_a_password_is_refused_once(start_lockstep, primary,
                                                  standby, attrs):
    """Nobody but the client could log in elsewhere, so it has to come again;
    of all clients the first one alone."""
    lockstep = serve(start_lockstep, attrs, standby, primary)
    told = where(lockstep, user=ROLE, password=PASSWORD)
    assert "server is in hot standby mode" in told
    assert f"target_session_attrs={attrs}" in told and "Connect again" in told
    for _ in range(5):
        assert not is_standby(lockstep, user=ROLE, password=PASSWORD)
        assert not is_standby(lockstep)


def test_list_of_a_driver_goes_on_by_itself(start_lockstep, primary, standby):
    """57P03 comes in place of AuthenticationOk: libpq tries its next host."""
    lockstep = serve(start_lockstep, "read-write", standby, primary)
    assert not is_standby(several(lockstep, lockstep), user=ROLE,
                          password=PASSWORD)


def test_preference_refuses_nobody(start_lockstep, primary, standby):
    lockstep = serve(start_lockstep, "prefer-standby", primary, standby)
    found = [is_standby(lockstep, user=ROLE, password=PASSWORD)
             for _ in range(3)]
    assert found == [False, True, True]


def test_with_scram_no_client_notices(start_lockstep, primary, standby,
                                      tmp_path):
    """Lockstep logs in itself, so it can choose."""
    with primary.connect() as admin:
        verifier = admin.execute("select rolpassword from pg_authid where "
                                 f"rolname = '{ROLE}'").fetchone()[0]
    roles = tmp_path / "roles"
    roles.write_text(f'"{ROLE}" "{verifier}"\n')
    roles.chmod(0o600)
    for attrs, hosts in (("read-write", (standby, standby, primary)),
                         ("prefer-standby", (primary, primary))):
        lockstep = serve(start_lockstep, attrs, *hosts, auth="scram",
                         auth_file=roles)
        assert not is_standby(lockstep, user=ROLE, password=PASSWORD)
    lockstep = serve(start_lockstep, "primary", standby, auth="scram",
                     auth_file=roles)
    assert "in hot standby mode" in where(lockstep, user=ROLE,
                                          password=PASSWORD)


def test_role_that_may_only_read_is_no_fault_of_the_host(start_lockstep,
                                                         primary, standby):
    """Others are not sent past the primary for it."""
    with primary.connect() as admin:
        admin.execute("create role e2e_reader login; alter role e2e_reader "
                      "set default_transaction_read_only = on")
    standby.follow()
    try:
        lockstep = serve(start_lockstep, "read-write", primary)
        assert "session is read-only" in where(lockstep, user="e2e_reader")
        lockstep = serve(start_lockstep, "read-write", primary, standby)
        for _ in range(3):
            assert "hot standby" in where(lockstep, user="e2e_reader")
            assert not is_standby(lockstep)
    finally:
        with primary.connect() as admin:
            admin.execute("drop role e2e_reader")


def test_load_is_spread_over_hosts_that_fit(start_lockstep, primary, standby):
    """Of those by chance, all in one place once in 2^39 runs."""
    for attrs, found in (("any", {True, False}), ("standby", {True}),
                         ("read-write", {False})):
        lockstep = start_lockstep(
            several(primary, standby),
            {"sslmode": "disable", "target_session_attrs": attrs,
             "load_balance_hosts": "random"})
        assert {is_standby(lockstep) for _ in range(40)} == found


def test_cancel_goes_where_its_session_is(start_lockstep, primary, standby):
    lockstep = serve(start_lockstep, "read-write", standby, primary)
    with Wire(lockstep) as session, primary.connect() as admin:
        assert rows(session.query(IN_RECOVERY)) == [("f",)]
        session.send(query("select pg_sleep(60)"))
        wait_for(admin, "wait_event = 'PgSleep' from pg_stat_activity where "
                        "pid = %s", session.pid)
        wire.cancel(lockstep, session)
        assert sqlstates(session.read_ready()) == ["57014"]


def test_reload_changes_it_for_who_comes_next(primary, standby):
    hosts = several(standby, primary)

    def upstream(attrs):
        return conninfo(host=hosts.host, port=hosts.port,
                        target_session_attrs=attrs)

    with Configured(hosts) as lockstep:
        with Wire(lockstep) as old:
            assert is_standby(lockstep)
            lockstep.reload(upstream=upstream("primary"))
            assert not is_standby(lockstep)
            lockstep.reload(upstream=upstream("standby"))
            assert is_standby(lockstep)
            assert rows(old.query(IN_RECOVERY)) == [("t",)]


# -- servers that are none --------------------------------------------------

OK = wire.message("R", struct.pack("!I", 0))
KEY = wire.message("K", struct.pack("!II", 4711, 42))
READY = wire.message("Z", b"I")


ON = {False: "off", True: "on"}


def report(name, value):
    return wire.message("S", f"{name}\0{value}\0".encode())


STANDBY = (report("in_hot_standby", "on")
           + report("default_transaction_read_only", "off"))
PRIMARY = (report("in_hot_standby", "off")
           + report("default_transaction_read_only", "off"))


def tell(*pieces):
    def script(connection, server):
        server.seen.append(read_startup_in_clear(connection))
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05)
        while connection.recv(4096):
            connection.sendall(READY)

    return script


def ask_first(*pieces):
    def script(connection, server):
        server.seen.append(read_startup_in_clear(connection))
        connection.sendall(wire.message("R", struct.pack("!I", 3)))
        read_message(connection)
        connection.sendall(b"".join(pieces))
        connection.recv(4096)

    return script


class Host(FakeServer):
    """Asks for a password, and says what it is; dead, it lets nobody in."""

    def __init__(self, state):
        super().__init__(self.log_in)
        self.state = state
        self.seen_logins = []

    def log_in(self, connection, _server):
        startup = read_startup_in_clear(connection)
        self.seen_logins.append(startup)
        if self.state == "dead":
            connection.sendall(fatal(NOT_NOW))
            return
        connection.sendall(wire.message("R", struct.pack("!I", 3)))
        if not read_message(connection):
            return
        is_read_only = b"default_transaction_read_only" in startup
        connection.sendall(
            OK + report("in_hot_standby", ON[self.state == "standby"])
            + report("default_transaction_read_only", ON[is_read_only])
            + report("port", self.port) + KEY + READY)
        connection.recv(4096)


@contextlib.contextmanager
def hosts(*states):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Host(state)) for state in states]


def lands(lockstep, **parameters):
    """The port of the host that a client gets; None: it is to come again."""
    with Bare(lockstep) as session:
        session.send(startup_packet(**{"user": "postgres",
                                       "database": "postgres", **parameters}))
        assert session.read()[0] == "R"
        session.send(wire.message("p", b"secret\0"))
        answer = session.read()
        if answer[0] == "E":
            assert sqlstates([answer]) == [NOT_NOW]
            return None
        reports = [fields for kind, fields in session.read_until("Z")
                   if kind == "S"]
        return int(dict(reports)["port"])


@pytest.mark.parametrize("attrs", ["standby", "read-only", "prefer-standby"])
def test_primary_that_is_a_standby_now_has_its_share(start_lockstep, attrs):
    with hosts("primary", "standby", "standby") as (a, b, c):
        lockstep = serve(start_lockstep, attrs, a, b, c)
        lands(lockstep)
        assert lands(lockstep) == b.port
        a.state, b.state = "standby", "primary"
        landed = [lands(lockstep) for _ in range(4)]
        assert landed[1:] == [a.port] * 3


def test_primary_that_was_away_a_moment_refuses_nobody(start_lockstep):
    """It is tried before those that are known to be standbys."""
    with hosts("standby", "standby", "primary") as servers:
        lockstep = serve(start_lockstep, "read-write", *servers)
        primary = servers[-1]
        while lands(lockstep) is None:
            pass
        primary.state = "dead"
        assert lands(lockstep) is None
        primary.state = "primary"
        assert [lands(lockstep) for _ in range(3)] == [primary.port] * 3


def test_options_of_one_client_are_no_fault_of_the_host(start_lockstep):
    with hosts("primary", "standby") as (primary, other):
        lockstep = serve(start_lockstep, "read-write", primary, other)
        for _ in range(3):
            assert lands(lockstep, default_transaction_read_only="on") is None
            assert lands(lockstep) == primary.port


def test_user_that_is_new_knows_the_primary(start_lockstep):
    with hosts("primary", "standby") as (primary, other):
        lockstep = serve(start_lockstep, "read-only", primary, other)
        assert lands(lockstep) is None
        for user in "one", "two", "three":
            assert lands(lockstep, user=user) == other.port


# -- upstream_wait ----------------------------------------------------------

@contextlib.contextmanager
def later(seconds, action):
    timer = threading.Timer(seconds, action)
    timer.start()
    yield
    timer.join()


@pytest.mark.parametrize("wait", ["0ms", "1min"])
def test_login_waits_for_a_host_that_is_away(start_lockstep, wait):
    """With it the client sees nothing of that; without it has an error."""
    with hosts("dead") as [host]:
        lockstep = serve(start_lockstep, "any", host, upstream_wait=wait)
        with later(0.7, lambda: setattr(host, "state", "primary")):
            if wait == "0ms":
                assert first_error(lockstep)[1]["C"] == NOT_NOW
            else:
                assert lands(lockstep) == host.port
        assert (wait != "0ms") == ("a login waits" in lockstep.stderr())


def test_login_waits_for_a_promote(start_lockstep, pair):
    """Where the server trusts: it shows what it is before anything is asked."""
    primary, standby = pair
    lockstep = serve(start_lockstep, "read-write", primary, standby,
                     upstream_wait="1min")
    assert not is_standby(lockstep)
    primary.stop(signal.SIGQUIT)
    with later(1.5, standby.promote):
        assert [is_standby(lockstep) for _ in range(3)] == [False] * 3


def test_wait_is_bounded(start_lockstep):
    with hosts("dead") as [host]:
        lockstep = serve(start_lockstep, "any", host, upstream_wait="1s")
        heard, error = first_error(lockstep)
        assert (heard, error["C"]) == ([], NOT_NOW)
        assert len(host.seen_logins) >= 3
    lockstep = serve(start_lockstep, "any", host, upstream_wait="1s")
    heard, error = first_error(lockstep)
    assert (heard, error["C"]) == ([], NOT_NOW)
    assert "Connection refused" in error["D"]


def test_wait_is_not_for_who_was_asked(start_lockstep):
    with hosts("standby") as [host]:
        lockstep = serve(start_lockstep, "primary", host, upstream_wait="1min")
        assert lands(lockstep) is None


def test_wait_ends_with_its_client_and_with_the_process(start_lockstep):
    with hosts("dead") as [host]:
        lockstep = serve(start_lockstep, "any", host, upstream_wait="1min")
        with Bare(lockstep) as gone, Bare(lockstep) as waiting:
            for session in gone, waiting:
                session.send(startup_packet())
            until(lambda: len(host.seen_logins) >= 4, "they dial anew")
            gone.close()
            lockstep.settle()
            lockstep.process.send_signal(signal.SIGTERM)
            assert sqlstates(waiting.read_until("")) == [NOT_NOW]
        assert lockstep.process.wait(HANG_BOUND_S) == 0


@pytest.mark.parametrize("size", [1, 7, 100])
def test_reports_may_come_in_pieces(start_lockstep, size):
    whole = OK + PRIMARY + KEY + READY
    pieces = [whole[i:i + size] for i in range(0, len(whole), size)]
    with FakeServer(tell(*pieces[:30], b"".join(pieces[30:]))) as server:
        lockstep = serve(start_lockstep, "read-write", server)
        with Bare(lockstep) as session:
            trace = session.log_in(user="postgres", database="postgres")
        assert [kind for kind, _ in trace] == ["R", "S", "S", "K", "Z"]


@pytest.mark.parametrize("attrs", ATTRS[1:])
def test_server_that_reports_nothing_is_nobodys(start_lockstep, attrs):
    """PostgreSQL before 14, or a pooler in between; a preference takes it."""
    with FakeServer(tell(OK + KEY + READY)) as server:
        lockstep = serve(start_lockstep, attrs, server)
        if attrs == "prefer-standby":
            with Bare(lockstep) as session:
                session.log_in(user="postgres", database="postgres")
            return
        heard, error = first_error(lockstep)
        assert (heard, error["C"]) == ([], NOT_NOW)
        assert "does not report in_hot_standby" in error["M"]


def test_server_that_does_not_fit_says_nothing_to_the_client(start_lockstep):
    """Not even that its password was right."""
    with FakeServer(ask_first(OK + STANDBY + KEY + READY)) as server:
        lockstep = serve(start_lockstep, "primary", server)
        with Bare(lockstep) as session:
            session.send(startup_packet())
            assert session.read()[0] == "R"
            session.send(wire.message("p", b"secret\0"))
            trace = session.read_all()
        assert [kind for kind, _ in trace] == ["E", "closed"]
        assert sqlstates(trace) == [NOT_NOW]


def test_error_behind_the_password_is_the_clients(start_lockstep):
    def refuse(connection, _server):
        read_startup_in_clear(connection)
        connection.sendall(OK + STANDBY + fatal("3D000"))

    with FakeServer(refuse) as server:
        lockstep = serve(start_lockstep, "primary", server)
        heard, error = first_error(lockstep)
        assert (heard, error["C"]) == (["R", "S", "S"], "3D000")


# -- the primary moves ------------------------------------------------------

class Writer(threading.Thread):
    """An application: writes, and connects anew after any error.  It notes each
    standby that it was given."""

    def __init__(self, place, number):
        super().__init__(daemon=True)
        self.place, self.number = place, number
        self.given, self.refused, self.committed = [], 0, []
        self.is_turned_away = False
        self.is_over = False
        self.start()

    def run(self):
        while not self.is_over:
            try:
                self.use_a_session()
            except psycopg.OperationalError as error:
                self.is_turned_away |= "in hot standby mode" in str(error)
            time.sleep(0.02)

    def use_a_session(self):
        with psycopg.connect(
                host=self.place.host, port=self.place.port, dbname="postgres",
                user=ROLE, password=PASSWORD, autocommit=True,
                connect_timeout=HANG_BOUND_S) as c:
            self.given.append(c.execute(IN_RECOVERY).fetchone()[0])
            for _ in range(20):
                try:
                    self.committed += c.execute(
                        "insert into written(by) values (%s) returning n",
                        [self.number]).fetchone()
                except psycopg.errors.ReadOnlySqlTransaction:
                    self.refused += 1
                    return


@contextlib.contextmanager
def writers(place, count=4):
    all_writers = [Writer(place, number) for number in range(count)]
    try:
        yield all_writers
    finally:
        for writer in all_writers:
            writer.is_over = True
        for writer in all_writers:
            writer.join(HANG_BOUND_S)


def until_written(all_writers, more):
    """Each of them has written more than before."""
    ends = [len(writer.committed) + more for writer in all_writers]
    until(lambda: all(len(w.committed) >= end
                      for w, end in zip(all_writers, ends)),
          "they do not go on")


@pytest.mark.parametrize("attrs", ["read-write", "any"])
def test_promote_amid_traffic(start_lockstep, pair, attrs):
    """All go on at the new primary, and none has ever had the standby; with
    `any` it is what they get."""
    first, second = pair
    lockstep = serve(start_lockstep, attrs, first, second)
    with writers(lockstep) as all_writers:
        until_written(all_writers, 20)
        second.follow()
        first.stop(signal.SIGQUIT)
        until(lambda: all(w.is_turned_away or w.refused for w in all_writers),
              "they do not meet the standby")
        second.promote()
        until_written(all_writers, 40)
    given = {standby for w in all_writers for standby in w.given}
    refused = sum(w.refused for w in all_writers)
    assert (given, refused > 0) == (
        ({True, False}, True) if attrs == "any" else ({False}, False))
    with second.connect() as admin:
        kept = {n for n, in admin.execute("select n from written").fetchall()}
    assert all(set(w.committed[-20:]) <= kept for w in all_writers)


def test_primary_that_comes_back_as_standby_meets_nobody(start_lockstep, pair):
    """Though it stands first in the list: the other one has done so far."""
    first, second = pair
    with Network(first) as place:
        lockstep = serve(start_lockstep, "read-write", place, second)

        def is_lost():
            return is_standby(lockstep, user=ROLE, password=PASSWORD)

        assert not is_lost()
        first.stop(signal.SIGQUIT)
        second.promote()
        assert not is_lost()
        with Standby(second) as back:
            place.target = back
            mark = back.log_mark()
            assert not any(is_lost() for _ in range(5))
            second.stop()
            assert ROLE not in back.log(mark)
            assert "in hot standby mode" in where(lockstep, user=ROLE,
                                                  password=PASSWORD)
            back.promote()
            assert not is_lost()


HELD = "drop table table_c"
RUNS = ("alter table table_d add constraint later check (slow(a_id)), "
        "add foreign key (a_id) references table_a")
CHANGED = """select to_regclass('table_c') is null
or exists (select from pg_constraint where conrelid = 'table_d'::regclass)"""


def sent(server, text):
    return server.log().count(text)


def assert_all_is_at(lockstep, second):
    """A new session is, and none of the DDL."""
    with Wire(lockstep) as session:
        address = rows(session.query("select inet_server_port()"))
        assert address == [(str(second.port),)]
        assert rows(session.query(IN_RECOVERY)) == [("f",)]
        assert rows(session.query(CHANGED)) == [("f",)]


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT],
                         ids=["crash", "shutdown"])
def test_promote_while_ddl_is_held(start_lockstep, pair, how):
    """It has never been sent, and is not: its client gets an error."""
    first, second = pair
    lockstep = serve(start_lockstep, "read-write", first, second,
                     policy="hold")
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            Holder(first, "postgres", "select * from table_b"))
        session = stack.enter_context(Wire(lockstep))
        ddl = Asked(session, query(HELD))
        assert not ddl.is_answered(1)
        first.stop(how)
        trace = ddl.answer()
        second.promote()
        assert sqlstates(trace)[0] in ("57P01", "57P02", "08006"), trace
        assert_all_is_at(lockstep, second)
    assert sent(first, HELD) == sent(second, HELD) == 0


def test_promote_while_ddl_runs(start_lockstep, pair):
    """It was sent once, to the old one."""
    first, second = pair
    lockstep = serve(start_lockstep, "read-write", first, second,
                     policy="hold")
    with Wire(lockstep) as session, first.connect() as admin:
        ddl = Asked(session, query(RUNS))
        wait_for(admin, "count(*) = 1 from pg_stat_activity where "
                        "wait_event = 'PgSleep'")
        first.stop(signal.SIGQUIT)
        trace = ddl.answer()
        second.promote()
        assert sqlstates(trace)[0] in ("57P02", "08006"), trace
        assert_all_is_at(lockstep, second)
    assert (sent(first, RUNS), sent(second, RUNS)) == (1, 0)
