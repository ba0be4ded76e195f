"""Guarded DDL of one database comes one after the other, whichever Lockstep
it comes through.  Two DROP ... CASCADE also meet at constraints, which no LOCK
TABLE covers (SCENARIOS 11: parallel workers drop both ends of foreign keys).
"""

import pytest

from wire import Wire, query, sqlstates

DEADLOCK = "40P01"
GROUPS = 20
ROUNDS = 200
MAKE_GROUPS = "".join(
    f"create table p{i}(id int primary key);"
    f"create table q{i}(id int primary key);"
    f"create table c{i}(id int primary key, p int references p{i},"
    f" q int references q{i});"
    for i in range(GROUPS))


def drop_groups(endpoints, database, admin):
    """A child and its parents at once, by a worker each: ROUNDS times or
    until an error."""
    workers = [Wire(endpoint, database) for endpoint in endpoints]
    states = []
    for number in range(ROUNDS):
        i = number % GROUPS
        if i == 0:
            admin.execute(MAKE_GROUPS)
        for worker, table in zip(workers, "cpq"):
            worker.send(query(f"drop table if exists {table}{i} cascade"))
        for worker in workers:
            states += sqlstates(worker.read_ready())
        if states:
            break
    for worker in workers:
        worker.close()
    return states


def test_parallel_workers_direct(direct, database, admin):
    assert DEADLOCK in drop_groups([direct] * 3, database, admin)


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("proxies", [1, 2])
def test_parallel_workers_live(start_lockstep, database, admin, proxies):
    """Through one Lockstep, or through two."""
    first = start_lockstep()
    second = first if proxies == 1 else start_lockstep()
    assert drop_groups([first, second, first], database, admin) == []
    assert admin.execute("select count(*) from pg_tables where "
                         "schemaname = 'public'").fetchone()[0] == 0
