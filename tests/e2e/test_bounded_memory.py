"""What a session makes Lockstep keep is bounded by its bytes, and memory that
runs out costs a statement its protection, not everybody the process.
"""

import os

import pytest

import wire
from proxy import Lockstep
from wire import Wire, errors

pytestmark = pytest.mark.needs_lockstep

SANITIZED = bool(os.environ.get("LOCKSTEP_SANITIZED"))
MIB = 1 << 20
STATEMENTS = 150
SESSIONS = 4
ADDRESS_SPACE_KB = 220_000
LONG = "drop table if exists c" + ", c" * 4990  # 15 kB


class Confined(Lockstep):
    """With little address space, as a container or LimitAS= may leave it."""

    def program(self):
        return ["/bin/sh", "-c", f'ulimit -v {ADDRESS_SPACE_KB}; exec "$0" "$@"',
                *super().program()]


def prepare_many(session, count=STATEMENTS):
    for i in range(count):
        trace = session.run(wire.parse(LONG, f"s{i}"), wire.sync())
        assert [kind for kind, _ in trace] == ["1", "Z"]


def execute(session, name):
    return session.run(wire.bind("", name), wire.execute(), wire.sync())


@pytest.fixture
def tables(admin):
    admin.execute("create table a(id int primary key);"
                  "create table b(id int primary key);"
                  "create table c(a int references a, b int references b)")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps what is freed")
def test_prepared_statements_take_little_more_than_their_texts(
        start_lockstep, database, tables):
    proxy = start_lockstep(workers="1")
    with Wire(proxy, database) as session:
        prepare_many(session, 2)
        before = proxy.rss()
        for i in range(STATEMENTS):
            session.run(wire.parse(LONG, f"t{i}"), wire.sync())
        assert proxy.rss() - before < 4 * STATEMENTS * len(LONG) + 2 * MIB


def test_a_long_one_is_guarded_when_it_is_executed(start_lockstep, database,
                                                   admin, tables):
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        prepare_many(session, 3)
        for name in "s1", "s2", "s1":
            assert errors(execute(session, name)) == []
    assert admin.execute("select to_regclass('c')").fetchone() == (None,)
    assert len(proxy.wait_guarded(1)) >= 1
    proxy.assert_clean()


def test_above_the_bound_they_pass_and_the_log_says_so(start_lockstep,
                                                       database, tables):
    proxy = start_lockstep()
    padded = f"/*{'x' * 500_000}*/ {LONG}"
    with Wire(proxy, database) as session:
        for i in range(30):
            session.run(wire.parse(padded, f"s{i}"), wire.sync())
        assert errors(execute(session, "s29")) == []
    whys = {e["why"] for e in proxy.events()
            if e["message"] == "statement passed unjudged"}
    assert whys == {"prepared statements take too much memory"}


@pytest.mark.skipif(SANITIZED, reason="a sanitizer reserves address space")
def test_little_address_space_ends_no_process(cluster, database, admin,
                                              tables):
    with Confined(cluster, {"workers": "1"}) as proxy:
        sessions = [Wire(proxy, database) for _ in range(SESSIONS)]
        for session in sessions:
            prepare_many(session)
        for session in sessions:
            assert errors(execute(session, "s7")) == []
            session.close()
        assert proxy.is_alive()
    assert admin.execute("select to_regclass('c')").fetchone() == (None,)
