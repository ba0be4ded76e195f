"""A large message of the server's that nobody asked for streams, whatever
Lockstep has under way: directly, nothing is wrong with it either.

Two megabytes are more than Lockstep keeps of any message.  Those that a server
sends by itself come of triggers; for each phase of a guarded statement, a place
before the server puts one ahead of the answer to what Lockstep asks there.
"""

import re
import struct

import pytest

import wire
from antagonist import Antagonist
from scene import Holder, ask
from tap import Tap
from wire import Wire, cancel, errors, rows, sqlstates

pytestmark = pytest.mark.needs_lockstep

LARGE = 2_000_000
HELD = 700_000  # two of them are more than is held behind an answer
TEXT = b"x" * LARGE

SCHEMA = """
create table a(id int primary key);
create table b(id int primary key);
create table c(a int references a, b int references b);
create table hot(id int primary key);
create table deferred(id int);
create function shout() returns trigger language plpgsql as $$
begin
  if new.id = 1 then
    raise notice '%', repeat('x', 2000000);
  elsif new.id = 2 then
    raise exception '%', repeat('x', 2000000);
  end if;
  return new;
end $$;
create constraint trigger shout after insert on deferred
  deferrable initially deferred for each row execute function shout();
"""
LOUD = """
create function loud() returns event_trigger language plpgsql as $$
begin
  raise notice '%', repeat('x', 2000000);
end $$;
create event trigger loud on ddl_command_start
  when tag in ('DROP TABLE') execute function loud();
"""

DROP = "drop table c"
# name: (more of the schema, the statements, what is there of c behind them)
SCRIPTS = {
    "a notice at our commit": (
        "", ["insert into deferred values (1); drop table c"]),
    "an error at our commit": (
        "", ["insert into deferred values (2); drop table c"]),
    "a notice, then an error": (
        "", ["insert into deferred values (1), (2); drop table c"]),
    "a notice of the run": (LOUD, ["drop table c"]),
    "a notice in a block": (LOUD, ["begin", "drop table c", "commit"]),
    "a notice in a text": (
        LOUD, ["begin; drop table c; drop table hot; commit"]),
}


@pytest.fixture
def tables(admin):
    admin.execute(SCHEMA)


def without_lines(trace):
    """Messages without the place in the server's sources."""
    return [(kind, tuple(f for f in fields if f[0] not in "LFR"))
            if kind in "EN" else (kind, fields) for kind, fields in trace]


def play(endpoint, database, texts):
    with Wire(endpoint, database) as session:
        traces = [without_lines(session.query(text)) for text in texts]
        traces.append(session.query(
            "select count(*) from pg_class where relname = 'c'"))
    return traces


@pytest.mark.parametrize("optimistic", ["on", "off"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_of_a_trigger(cluster, start_lockstep, admin, database, name,
                      optimistic):
    """What the client sees is what it sees directly."""
    schema, texts = SCRIPTS[name]
    admin.execute(SCHEMA + schema)
    proxy = start_lockstep(optimistic=optimistic)
    direct = play(cluster, database, texts)
    fails = "error" in name
    with admin.transaction():
        admin.execute("drop schema public cascade; create schema public")
        admin.execute("drop event trigger if exists loud")
        admin.execute(SCHEMA + schema)
    assert play(proxy, database, texts) == direct
    (line,) = proxy.wait_guarded(1)[-1:]
    assert line["result"] == ("P0001" if fails else "DROP TABLE")
    proxy.assert_clean()


# -- one in each phase ------------------------------------------------------

def large(kind, size=LARGE):
    return {
        "notification": wire.message(
            "A", struct.pack("!I", 7) + b"channel\0" + b"x" * size + b"\0"),
        "parameter": wire.message("S", b"search_path\0" + b"x" * size + b"\0"),
        "notice": wire.message("N", b"SNOTICE\0C00000\0M" + b"x" * size
                               + b"\0\0"),
    }[kind]


class Chatty(Tap):
    """Puts messages ahead of the answer to what a client says, once."""

    def __init__(self, upstream, pattern, messages):
        super().__init__(upstream)
        self.pattern = pattern
        self.messages = messages
        self.armed = None
        self.is_done = False

    def move(self, end, other, is_client):
        try:
            data = end.recv(65536)
            if not is_client and data and self.armed is end:
                self.armed = None
                other.sendall(b"".join(self.messages))
            if is_client and not self.is_done and re.search(self.pattern,
                                                            data):
                self.is_done = True
                self.armed = other
            other.sendall(data)
        except OSError:
            data = b""
        if not data:
            for gone in end, other:
                self.selector.unregister(gone)
                gone.close()


def of_kind(trace, kind):
    return [fields for of, fields in trace if of == kind
            and len(fields[-1][1] if kind == "N" else fields[-1]) > 100_000]


# phase: (what Lockstep says there, the statement, settings)
PHASES = {
    "glance": (rb"exit_on_error", DROP, {}),
    "trial": (rb"lock_timeout TO '1'", DROP, {}),
    "facts": (rb"transaction_read_only", DROP, {"optimistic": "off"}),
    "attempt": (rb"LOCK TABLE ONLY", DROP, {"optimistic": "off"}),
    "run": (rb"drop table c\0", DROP, {"optimistic": "off"}),
    "commit": (rb"COMMIT\0", DROP, {"optimistic": "off"}),
}
SEEN = {"notification": "A", "parameter": "S", "notice": "N"}


@pytest.mark.parametrize("kind", SEEN)
@pytest.mark.parametrize("phase", PHASES)
def test_in_a_phase(cluster, start_lockstep, admin, database, tables, phase,
                    kind):
    pattern, text, settings = PHASES[phase]
    direct = [("C", ("DROP TABLE",)), ("Z", ("I",))]
    with Chatty(cluster, pattern, [large(kind)]) as tap:
        proxy = start_lockstep(upstream=tap, **settings)
        with Wire(proxy, database) as session:
            trace = session.query(text)
            assert tap.is_done
            assert [m for m in trace if m[0] not in "ASN"] == direct
            # A notice between answers of ours may be about them.
            assert len(of_kind(trace, SEEN[kind])) == 1 or (
                kind == "notice" and phase not in ("run", "commit"))
            assert rows(session.query("select 1")) == [("1",)]
        proxy.assert_clean()


@pytest.mark.parametrize("sizes", [(LARGE,), (HELD, HELD, HELD),
                                   (10, LARGE, 10)])
def test_more_than_is_held_behind_the_answer(cluster, start_lockstep, admin,
                                             database, tables, sizes):
    """In the order in which they came, each of them whole."""
    messages = [large("parameter", size) for size in sizes]
    with Chatty(cluster, rb"COMMIT\0", messages) as tap:
        proxy = start_lockstep(upstream=tap)
        with Wire(proxy, database) as session:
            trace = session.query("select 1; drop table c")
            assert [len(m[1][1]) for m in trace if m[0] == "S"] == list(sizes)
            assert [m[1] for m in trace if m[0] == "C"] == [
                ("SELECT 1",), ("DROP TABLE",)]
        proxy.assert_clean()


@pytest.mark.parametrize("phase", ["attempt", "commit", "trial"])
def test_of_our_own_answers_nothing_is_large(cluster, start_lockstep, admin,
                                             database, tables, phase):
    """A server that answers a question of ours with a large row is left, and the
    client is told once.  Up to our COMMIT nothing has been done."""
    pattern, text, settings = PHASES[phase]
    row = wire.message("D", struct.pack("!Hi", 1, LARGE) + TEXT)
    with Chatty(cluster, pattern, [row]) as tap:
        proxy = start_lockstep(upstream=tap, **settings)
        with Wire(proxy, database) as session:
            trace = session.query(text)
            assert tap.is_done
            assert [kind for kind, _ in trace] == ["E", "closed"]
            assert sqlstates(trace) == ["08P01"]
        proxy.assert_clean()
    assert admin.execute("select to_regclass('c') is not null").fetchone() == (
        phase != "commit",)


@pytest.mark.parametrize("kind", SEEN)
def test_in_a_replay(cluster, start_lockstep, admin, database, tables, kind):
    """What is repeated is not shown again; all else passes."""
    with Chatty(cluster, rb"ROLLBACK\0", []) as tap:
        proxy = start_lockstep(upstream=tap, guard="ddl", memory="off")
        with Wire(proxy, database) as session:
            for text in "begin", "alter table hot add column z int":
                assert errors(session.query(text)) == []
            tap.pattern = rb"^Q.*alter table hot"
            tap.messages = [large(kind)]
            tap.is_done = False
            with Antagonist(cluster, database, admin, "c", "hot") as antagonist:
                assert antagonist.is_there
                trace = session.query("drop table c")
            assert tap.is_done
            if kind == "notice":  # as if it had been an answer's
                assert len(errors(trace)) == 1
            else:
                assert errors(trace) == []
                assert len(of_kind(trace, SEEN[kind])) == 1
        assert proxy.is_alive()


# -- in a login, and while a statement is held -------------------------------

@pytest.mark.parametrize("kind", SEEN)
def test_in_a_login(cluster, start_lockstep, database, kind):
    with Chatty(cluster, rb"user\0", []) as tap:
        tap.messages = [wire.message("R", struct.pack("!I", 0)), large(kind)]
        proxy = start_lockstep(upstream=tap)
        with Wire(proxy, database) as session:
            assert rows(session.query("select 1")) == [("1",)]
        proxy.assert_clean()


class Slow(Tap):
    """Says half a message to who came last, and the rest when told to; what
    the server says meanwhile comes behind that."""

    def __init__(self, upstream, message):
        super().__init__(upstream)
        self.halves = message[:LARGE // 2], message[LARGE // 2:]
        self.client = None
        self.kept = None

    def move(self, end, other, is_client):
        if is_client:
            self.client = end
        if not is_client and self.kept is not None:
            self.kept += end.recv(65536)
        else:
            super().move(end, other, is_client)

    def begin(self):
        self.kept = b""
        self.client.sendall(self.halves[0])

    def end(self):
        self.client.sendall(self.halves[1] + self.kept)
        self.kept = None


def test_nothing_is_said_within_one(cluster, start_lockstep, admin, database,
                                    tables):
    """The notice of a wait and the error of a cancel come behind it."""
    with (Slow(cluster, large("parameter")) as tap,
          Holder(cluster, database, "select from c") as holder):
        proxy = start_lockstep(upstream=tap)
        with Wire(proxy, database) as session:
            asked = ask(session, DROP)
            assert not asked.is_answered(0.5)
            tap.begin()
            assert not asked.is_answered(1)
            cancel(proxy, session)
            assert not asked.is_answered(0.5)
            tap.end()
            trace = asked.answer()
            assert sqlstates(trace) == ["57014"]
            assert [len(m[1][1]) for m in trace if m[0] == "S"] == [LARGE]
            assert rows(session.query("select 1")) == [("1",)]
        holder.release()
        proxy.assert_clean()
