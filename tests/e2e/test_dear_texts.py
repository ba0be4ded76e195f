"""A text may cost the worker what its length says, whatever is in it.

Processor time is compared with that of a plain text as long, within one run.
"""

import time

import pytest

import wire
from effort import effort
from scene import Holder, ask
from wire import Wire, errors

pytestmark = pytest.mark.needs_lockstep

BYTES = 500_000
TIMES = effort(6, 20)
FACTOR = 4

# A candidate, which the server refuses at once: that is its own affair.
CANDIDATE = "drop table missing; select , "
PLAIN = "12345 'some text', 67890, "
DEAR = {
    "operators": "+" * 255 + " ",
    "short operators": "+" * 31 + " ",
    "nested comments": "/*" * 100 + "*/" * 100 + " ",
    "names": "a ",
    "clauses": "alter table a drop x" + ",add x int" * 1400 + ";",
    "keys": ";alter table a add foreign key (a) references b, drop x",
    "lists": ";drop table " + ",".join("abcdefghij" * 3),
}


def filled(unit, size=BYTES):
    return CANDIDATE + unit * ((size - len(CANDIDATE)) // len(unit))


def cost_of(proxy, session, text, times=TIMES):
    begun = proxy.processor_s()
    for _ in range(times):
        assert len(errors(session.query(text))) == 1
    return proxy.processor_s() - begun


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(workers="1")


@pytest.mark.parametrize("name", DEAR)
def test_costs_no_more_than_a_plain_one(proxy, database, name):
    with Wire(proxy, database) as session:
        plain_s = cost_of(proxy, session, filled(PLAIN))
        dear_s = cost_of(proxy, session, filled(DEAR[name]))
    print(f"{plain_s:.2f} s, {name} {dear_s:.2f} s")
    assert dear_s < FACTOR * plain_s + 0.1


def test_is_said_in_the_log(proxy, database):
    with Wire(proxy, database) as session:
        session.query(filled(DEAR["operators"]))
    assert [e["why"] for e in proxy.events()
            if e["message"] == "statement passed unjudged"] == [
                "it is larger than parse_limit allows"]


def test_a_bystander_is_served(proxy, cluster, database):
    """Beside five clients: as beside five with plain texts."""
    def median_beside(text):
        waits = []
        sessions = [Wire(proxy, database) for _ in range(5)]
        with Wire(proxy, database) as bystander:
            for _ in range(TIMES):
                asked = [ask(session, text) for session in sessions]
                while not all(a.is_answered() for a in asked):
                    begun = time.monotonic()
                    bystander.query("select 1")
                    waits.append(time.monotonic() - begun)
        for session in sessions:
            session.close()
        return sorted(waits)[len(waits) // 2]

    plain_s = median_beside(filled(PLAIN))
    dear_s = median_beside(filled(DEAR["operators"]))
    print(f"median {plain_s:.4f} s, {dear_s:.4f} s")
    assert dear_s < FACTOR * plain_s + 0.02


def test_what_waits_is_not_judged_for_each_byte(start_lockstep, cluster,
                                                admin, database):
    """At the gate, a message costs what it costs once or twice."""
    admin.execute("create table a(id int primary key);"
                  "create table b(id int references a)")
    proxy = start_lockstep(workers="1", gate_transaction="20s",
                           optimistic="off")
    text = filled("'some text', ").replace("missing", "a") + "a"
    more = wire.query("select 1")
    with (Wire(proxy, database) as migration, Wire(proxy, database) as client,
          Wire(proxy, database) as other):
        plain_s = cost_of(proxy, other, text.replace(" a;", " missing;"), 1)
        for sql in "begin", "drop table b":
            assert errors(migration.query(sql)) == []
        client.send(wire.query("select * from a, (values ("
                               + "'some text', " * (BYTES // 13) + "1)) v"))
        time.sleep(0.3)
        assert admin.execute("select count(*) from pg_locks "
                             "where not granted").fetchone() == (0,)
        begun = proxy.processor_s()
        for _ in range(300):
            client.send(more[:1])
            time.sleep(0.002)
            client.send(more[1:])
            time.sleep(0.002)
        took_s = proxy.processor_s() - begun
        print(f"{plain_s:.2f} s, {took_s:.2f} s")
        assert took_s < 5 * plain_s + 2
        assert errors(migration.query("rollback")) == []
        assert len(client.read_ready(301)) > 301
    proxy.assert_clean()
