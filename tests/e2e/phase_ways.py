"""A way to each phase of an exchange: what a session does, and who is beside
it, so that its guarded statement comes there.

Each way has what the server shows if the statement has taken effect; a journal
tells what has run, and how often.
"""

import contextlib
from dataclasses import dataclass, field

from scene import Holder, run, wait_for
from test_hold import VACUUMED, VACUUM_HOLDS
from test_window import Busy
from wire import Wire, extended, query, sync

SCHEMA = """
drop schema if exists public cascade;
create schema public;
create table journal(n int);
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(id int primary key, a_id int references table_a,
    b_id int references table_b);
insert into table_a values (1);
insert into table_b values (1);
insert into table_c values (1, 1, 1);
create table hot(id int primary key);
create table late(id int);
"""
DROP = "drop table table_c"
DROP_IS_DONE = "to_regclass('table_c') is null"
UNKNOWN = "drop tabel table_c"
ADD = "alter table hot add column z int"
NOTE = "insert into journal values (1)"
QUEUE_S = 0.2  # a transaction of those that keep table_a busy


# -- who is beside it: with one: until it is left -----------------------------

@contextlib.contextmanager
def nobody(_stage):
    yield


@contextlib.contextmanager
def holder(stage):
    with Holder(stage.cluster, stage.database, "select from table_a"):
        yield


@contextlib.contextmanager
def queue(stage):
    """Table_a is always in use; leave with the statement through."""
    with Busy(stage.cluster, stage.database, QUEUE_S):
        yield


@contextlib.contextmanager
def antagonist(stage):
    """It is in the session's way, and waits for what the session holds."""
    other = Wire(stage.cluster, stage.database)
    try:
        run(other, "begin", "lock table table_a in exclusive mode")
        other.send(query("lock table hot in access share mode"))
        wait_for(stage.admin, "exists (select from pg_locks where pid = %s "
                 "and not granted)", other.pid)
        yield
    finally:
        other.vanish()


@contextlib.contextmanager
def autovacuum(stage):
    """It is busy with a table for minutes."""
    stage.admin.execute(VACUUMED)
    wait_for(stage.admin, VACUUM_HOLDS)
    yield


@contextlib.contextmanager
def company(stage):
    """Somebody is there who could be kept waiting."""
    with Wire(stage.proxy, stage.database):
        yield


@contextlib.contextmanager
def watched(stage):
    """A view that no attempt can lock, as an event trigger would see that."""
    stage.admin.execute("""
        create view all_of_c as select from table_c;
        create function note() returns event_trigger language plpgsql as
        'begin end'; create event trigger e2e on ddl_command_end
        execute function note()""")
    try:
        yield
    finally:
        stage.admin.execute("drop event trigger if exists e2e")


@contextlib.contextmanager
def migration(stage):
    """It keeps the gate shut for who would read table_a."""
    with Wire(stage.proxy, stage.database) as session:
        run(session, "begin", "lock table table_a, table_c")
        yield


@dataclass
class Way:
    """before: texts of the session's; beside: who comes then; messages: those
    that go through the phase; behind: texts that end it all.

    settings are the session's.  rehearsal is what another one like it has run
    before.  is_refused: the statement is not done where nothing goes wrong, and
    who is beside it stays until then.  through is a phase before, in which
    somebody's transaction ends.
    """
    before: list = field(default_factory=list)
    beside: object = nobody
    messages: list = field(default_factory=lambda: [query(DROP)])
    behind: list = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    done: str = DROP_IS_DONE
    rehearsal: list = field(default_factory=list)
    is_refused: bool = False
    through: str = ""

    @property
    def all_settings(self):
        return {"optimistic": "off", "hold_timeout": "15s", **self.settings}


AT_ONCE = {"optimistic": "on"}
BLOCK = {"before": ["begin", NOTE], "behind": ["commit"]}
CYCLE = {"messages": [*extended(DROP), sync()]}
REPLAY = {"before": ["begin", ADD], "beside": antagonist,
          "messages": [query("drop table table_a cascade")],
          "done": "to_regclass('table_a') is null", "behind": ["commit"]}
STEPS = {"settings": {"drop_in_steps": "on"}}

# "phase how": Way
WAYS = {
    "fence query": Way(),
    "fence cycle": Way(**CYCLE),
    # The server does not know it either, and says so.
    "probing query": Way(messages=[query(UNKNOWN)], is_refused=True),
    "probing block": Way(**BLOCK, messages=[query(UNKNOWN)], is_refused=True),
    "opening": Way(messages=[query(f"{NOTE}; {DROP}")]),
    "isolating": Way(before=["begin"],
                     messages=[query("lock table table_a, table_c")],
                     behind=[NOTE, "commit"], done="true"),
    "glancing": Way(settings=AT_ONCE),
    "planning query": Way(),
    "planning cycle": Way(**CYCLE),
    "planning block": Way(**BLOCK),
    "planning tail": Way(messages=[*extended(NOTE), *extended(DROP), sync()]),
    "recalling": Way(**{**BLOCK, "before": ["begin"], "behind": [ADD, "commit"]},
                     settings={"memory": "on"},
                     rehearsal=["begin", DROP, ADD, "rollback"]),
    "listing": Way(**STEPS),
    "stepping": Way(**STEPS),
    "looking": Way(beside=holder),
    "looking block": Way(**BLOCK, beside=holder),
    "naming": Way(beside=queue),
    "attempting query": Way(),
    "attempting cycle": Way(**CYCLE),
    "attempting block": Way(**BLOCK),
    "attempting tail": Way(messages=[*extended(NOTE), *extended(DROP), sync()]),
    "checking query": Way(through="attempting"),
    "checking cycle": Way(**CYCLE, through="attempting"),
    "coaxing": Way(beside=autovacuum, messages=[query("drop table first_child")],
                   done="to_regclass('first_child') is null"),
    "undoing query": Way(beside=holder, settings=AT_ONCE),
    "undoing block": Way(**BLOCK, beside=holder, settings=AT_ONCE),
    "judging": Way(**REPLAY),
    "restarting": Way(**REPLAY),
    "repeating": Way(**REPLAY),
    "asking": Way(beside=migration, messages=[query("select * from table_a")],
                  before=["set lock_timeout = '20s'"], done="true"),
    "shutting": Way(**BLOCK, beside=company, settings=AT_ONCE),
    "waiting query": Way(beside=holder),
    "waiting cycle": Way(**CYCLE, beside=holder),
    "waiting block": Way(**BLOCK, beside=holder),
    "refusing": Way(**BLOCK, beside=holder, is_refused=True,
                    settings={"hold_timeout": "200ms"}),
    "trying": Way(settings=AT_ONCE),
    "trying block": Way(**BLOCK, settings=AT_ONCE),
    "trying cycle": Way(**CYCLE, settings=AT_ONCE),
    "restoring block": Way(**BLOCK, beside=watched,
                           messages=[query(DROP + " cascade")]),
    "restoring cycle": Way(beside=watched,
                           messages=[*extended(DROP + " cascade"), sync()]),
    "running": Way(),
    "running text": Way(messages=[query(f"{NOTE}; {DROP}; {NOTE}")]),
    "committing": Way(),
    "observing": Way(**CYCLE),
    "observing block": Way(before=["begin", NOTE], behind=["commit"], **CYCLE),
    "done": Way(),
}


def phase_of(name):
    return name.split()[0]
