"""Texts of several statements: each guarded one is prepared for as the
statements before it left the catalogs, and the client sees no difference."""

import re
import time

import psycopg
import pytest

import scene
from effort import effort
from lock_set_differential import LOCKS_SQL, MODE_SQL, MODES
from text_cases import ADD_KEY, TEXTS, WORLD
from wire import Wire, errors, sqlstates

SHARE_UPDATE_EXCLUSIVE = 4
NAMES_SQL = """
select c.oid::int8, n.nspname || '.' || c.relname
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.oid >= 16384 and c.relkind in ('r', 'p')"""

needs_lockstep = pytest.mark.needs_lockstep


@pytest.fixture
def world(admin):
    def build():
        admin.execute(WORLD)
        admin.execute("reset search_path")

    build()
    return build


def locks_taken(cluster, database, text):
    """[(names, mode)] of the tables that were there before; None: it fails."""
    with cluster.connect(database) as session:
        session.execute("set search_path = s")
        before = dict(session.execute(NAMES_SQL).fetchall())
        session.execute("begin")
        try:
            session.execute(text)
        except psycopg.Error:
            session.execute("rollback")
            return None
        after = dict(session.execute(NAMES_SQL).fetchall())
        taken = {}
        for relid, mode in session.execute(LOCKS_SQL):
            if relid in before and MODES[mode] >= SHARE_UPDATE_EXCLUSIVE:
                names = {before[relid], after.get(relid, before[relid])}
                # as they were called between a rename and the drop
                names.add("s3." + before[relid].split(".")[1])
                strongest = max(MODES[mode], taken.get(relid, (0, 0))[1])
                taken[relid] = (names, strongest)
        session.execute("rollback")
        return list(taken.values())


def locks_prepared(log, pid):
    """{name: mode} of what Lockstep locked for this server process."""
    found = {}
    for entry in re.split(r"\n(?=\d{4}-)", log):
        if f" [{pid}] " not in entry:
            continue
        for name, mode in re.findall(
                r"LOCK TABLE ONLY (\S+) IN ([A-Z ]+) MODE", entry):
            found[name] = max(MODE_SQL.index(mode), found.get(name, 0))
    return found


def run_prepared(cluster, proxy, database, text):
    """(SQLSTATEs, locks that Lockstep took for the text)."""
    mark = cluster.log_mark()
    with Wire(proxy, database, options="-c search_path=s") as session:
        codes = sqlstates(session.query(text))
        pid = session.pid
    return codes, locks_prepared(cluster.log(mark), pid)


def missing(taken, prepared):
    """What the statements took and nothing was prepared for."""
    return [(sorted(names), mode) for names, mode in taken
            if max(prepared.get(name, 0) for name in names) < mode]


@needs_lockstep
def test_all_that_a_text_locks_is_planned(cluster, database, world,
                                          start_lockstep):
    proxy = start_lockstep(guard="ddl", optimistic="off")
    left = {}
    compared = 0
    for text in TEXTS:
        world()
        taken = locks_taken(cluster, database, text)
        codes, prepared = run_prepared(cluster, proxy, database, text)
        assert (codes == []) == (taken is not None), (text, codes)
        compared += taken is not None
        if lacks := missing(taken or [], prepared):
            left[text] = lacks
    assert left == {}
    assert compared >= 66


# A key that holds on to an index of the same block, which CASCADE ends.
BEYOND = {text for text in TEXTS if text.endswith("drop index i cascade")}


def missed(proxy):
    """How many blocks the log says are not planned, or not wholly."""
    return sum("unplanned" in event for event in proxy.events())


def in_block(text):
    """The text as a DO block, which cannot be cut."""
    body = re.sub(r"(^|; )select set_config", r"\1perform set_config", text)
    return f"do $block$ begin {body}; end $block$"


@needs_lockstep
def test_all_that_a_block_locks_is_planned_or_said(cluster, database, world,
                                                   start_lockstep):
    """Names that changed are followed; else the log counts the block."""
    proxy = start_lockstep(guard="ddl")
    left = {}
    said = []
    compared = 0
    for text in map(in_block, (t for t in TEXTS if t not in BEYOND)):
        world()
        taken = locks_taken(cluster, database, text)
        before = missed(proxy)
        codes, prepared = run_prepared(cluster, proxy, database, text)
        assert (codes == []) == (taken is not None), (text, codes)
        compared += taken is not None
        if missed(proxy) > before:
            said.append(text)
        elif lacks := missing(taken or [], prepared):
            left[text] = lacks
    assert left == {}
    assert compared >= 66
    assert len(said) < 5, said


# -- against whoever wants the same tables in the opposite order -------------

ROW = "update y set k = 7 where id = 1"
# text: (what the application reads, what it does then)
OPPOSED = {
    f"{ADD_KEY}; drop table c cascade": ("z", "select from c"),
    f"do $$ begin {ADD_KEY}; drop table c cascade; end $$":
        ("z", "select from c"),
    "alter table c rename to d; drop table d cascade": ("y", "select from c"),
    "do $$ begin alter table c rename to d; drop table d cascade; end $$":
        ("y", "select from c"),
    "do $$ begin create table n (id int references z); drop table c cascade; "
    "drop table n; end $$": ("z", "select from c"),
    "do $$ begin set search_path = s2; drop table c; end $$":
        ("s2.y2", "select from s2.c"),
    "alter table c rename column y_id to x; alter table c drop column x":
        ("y", "select from c"),
    "set search_path = s2; drop table c": ("s2.y2", "select from s2.c"),
    "update other set id = id; drop table c cascade": ("y", "select from c"),
    # one table, but its text holds a row already
    "update y set k = k + 1 where id = 1; drop table lone": ("lone", ROW),
    "do $$ begin update s.y set k = k + 1 where id = 1; "
    "drop table s.lone; end $$": ("lone", ROW),
}
ROUNDS = effort(2, 6)
LATE_S = 1.3  # a text that waits has had its look for deadlocks
RETRIES = {"55P03", "40P01"}


@pytest.fixture
def oppose(database, world):
    """oppose(endpoint, text): what becomes of the application, and of the
    text, in one round."""
    def play(endpoint, text):
        world()
        reads, wants = OPPOSED[text]
        with Wire(endpoint, database, options="-c search_path=s") as app, \
                Wire(endpoint, database, options="-c search_path=s") as own:
            assert errors(app.query(f"begin; select from {reads}")) == []
            asked = scene.ask(own, text)
            time.sleep(LATE_S)
            application = sqlstates(app.query(wants))
            app.query("commit")
            return application, sqlstates(asked.answer())

    return play


@pytest.mark.parametrize("text", OPPOSED)
def test_direct_the_application_dies(direct, oppose, text):
    assert oppose(direct, text) == (["40P01"], [])


@needs_lockstep
@pytest.mark.parametrize("text", OPPOSED)
def test_the_application_survives(lockstep, oppose, text):
    for _ in range(ROUNDS):
        application, migration = oppose(lockstep, text)
        assert application == []
        assert set(migration) <= RETRIES
        if ADD_KEY in text:  # planned in one, so that nothing is held
            assert migration == []


# -- what has to come before any query of its transaction ---------------------

EARLY = [
    "set transaction isolation level serializable; drop table c cascade",
    "set transaction isolation level repeatable read, read only; "
    "drop table c cascade",
    "set transaction isolation level serializable, read only, deferrable; "
    "truncate d2",
    "set transaction read write; alter table c drop column y_id",
    "set session characteristics as transaction isolation level "
    "serializable; drop table c cascade",
    "set local transaction_isolation = 'repeatable read'; truncate z cascade",
    "begin; set transaction isolation level serializable; "
    "drop table c cascade; commit",
    "begin isolation level repeatable read; drop table c cascade; commit",
    "set transaction isolation level repeatable read; "
    "set transaction snapshot '{snapshot}'; drop table c cascade",
    "begin; drop table c cascade; commit; begin; "
    "set transaction isolation level serializable; drop table lone; commit",
    "set transaction isolation level serializable; select 'not sound' from "
    "nowhere where; drop table c cascade",
    "select from y; set transaction isolation level serializable; "
    "drop table c cascade",
]


def told(trace):
    """All that the client got, but for what differs anyway."""
    return [message for message in trace
            if message[0] not in ("ParameterStatus",)]


@needs_lockstep
@pytest.mark.parametrize("text", EARLY)
@pytest.mark.parametrize("begin", ["", "begin"])
def test_what_must_come_first_comes_first(cluster, database, world, direct,
                                          lockstep, begin, text):
    def run(endpoint):
        world()
        with cluster.connect(database) as keeper:
            keeper.execute("begin isolation level repeatable read")
            snapshot = keeper.execute(
                "select pg_export_snapshot()").fetchone()[0]
            with Wire(endpoint, database,
                      options="-c search_path=s") as session:
                if begin:
                    session.query(begin)
                return told(session.query(
                    text.replace("{snapshot}", snapshot)))

    assert run(lockstep) == run(direct)
