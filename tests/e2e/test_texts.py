"""Texts of several statements: each guarded one is prepared for as the
statements before it left the catalogs, and the client sees no difference."""

import contextlib
import re
import time

import psycopg
import pytest

import scene
import wire
from lock_set_differential import LOCKS_SQL, MODE_SQL, MODES
from scene import Holder, wait_for
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
    proxy = start_lockstep(guard="ddl")
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
