"""DETACH and then DROP of the partition in one message, under traffic.

What is planned as a partition is dropped as a table.  The readers come straight
to the server, in any order: directly that is a deadlock now and then, through
Lockstep never.
"""

import pytest

from test_unlockable import run_scene

pytestmark = pytest.mark.needs_lockstep

TABLES = ["create table p(id int primary key, k int) partition by list (id)",
          "create table p1 partition of p for values in (1)",
          "create table p2 partition of p for values in (2)"]
KEYED = ["create table z(k int primary key)", *TABLES,
         "alter table p add foreign key (k) references z"]
DETACH = "alter table p detach partition p1; drop table p1"


def reader(*tables):
    """Reads one that may be gone as the last."""
    return "begin; " + "; ".join(f"select 1 from {table}"
                                 for table in tables) + "; commit"


READERS = [reader("p", "p2"), reader("p2", "p"), reader("p"),
           "begin; select 1 from p2; select 1 from p; "
           "select 1 where to_regclass('p1') is not null; commit"]
OF_PARTITION = ["do $$ begin perform 1 from p1; perform 1 from p; "
                "exception when undefined_table then end $$"]

# name: (to set up a round, the loops of others, the text)
SCENES = {
    "detach, drop": (TABLES, READERS + OF_PARTITION, DETACH),
    "detach, drop, in a block": (
        TABLES, READERS + OF_PARTITION, f"begin; {DETACH}; commit"),
    "detach, drop, with a foreign key": (
        KEYED, [reader("z", "p"), reader("p", "z"), *OF_PARTITION], DETACH),
    "detach, then cascade of the parent": (
        TABLES, OF_PARTITION, "alter table p detach partition p1; "
        "drop table if exists p1 cascade"),
}


@pytest.mark.parametrize("name", SCENES)
def test_nobody_dies_of_a_partition_that_goes(
        start_lockstep, cluster, database, name):
    proxy = start_lockstep(guard="ddl")
    _seconds, victims = run_scene(proxy, cluster, database, SCENES[name])
    assert victims == []
    assert {line["outcome"] for line in proxy.guarded()} \
        <= {"protected", "unopposed"}
    assert {line["result"] for line in proxy.guarded()} \
        <= {"ALTER TABLE", "DROP TABLE"}
