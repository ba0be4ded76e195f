"""Guarded statements of one transaction, one after the other: what the first
ones hold is not to be in the way of the next, nor of the application."""
import contextlib
import time

import pytest

import scene
import wire
from wire import Wire, sqlstates

SCHEMA = """
create table users (id int primary key, seen int);
create table projects (id int primary key, seen int);
create table bookmarks (id int,
    user_id int constraint of_user references users,
    project_id int constraint of_project references projects);
create table ratings (id int, project_id int);
insert into users values (1, 0);
insert into projects values (1, 0);
"""
ADD_KEY = "alter table ratings add foreign key (project_id) references projects"
DROP_USER = "alter table bookmarks drop constraint of_user"


@pytest.fixture
def play(admin, database):
    """Two sessions: the migration's and the application's."""
    opened = []

    def start(endpoint):
        admin.execute("drop table if exists users, projects, bookmarks, "
                      "ratings")
        admin.execute(SCHEMA)
        opened.extend(Wire(endpoint, database) for _ in range(2))
        return opened[-2:]

    yield start
    for session in opened:
        session.close()


def well(trace):
    assert sqlstates(trace) == [], trace
    return trace


ROUNDS = 10
TRIES = 5  # directly, each of them kills somebody, or most do
LOOPS = 8


def drop_key_by_key(play, admin, database, endpoint):
    """As TypeORM's dropTable: (victims, rounds in which all of it worked)."""
    migration, _application = play(endpoint)
    for n in range(ROUNDS):
        admin.execute(f"""create table marks_{n} (
            user_id int constraint of_user references users,
            project_id int constraint of_project references projects)""")
    loops = [scene.Loop(endpoint, database, "begin", "select * from projects",
                        "select * from users", "commit", pause_s=0.01)
             for _ in range(LOOPS)]
    passed, codes = 0, []
    with contextlib.ExitStack() as stack:
        for loop in loops:
            stack.enter_context(loop)
        for n in range(ROUNDS):
            key = f"alter table marks_{n} drop constraint"
            seen = [code for text in ("begin", f"{key} of_user",
                                      f"{key} of_project",
                                      f"drop table marks_{n}", "commit")
                    for code in sqlstates(migration.query(text))]
            passed += not seen
            codes += seen
            time.sleep(0.6)  # the gate is shut a quarter of the time at most
    codes += [error["C"] for loop in loops for error in loop.problems]
    admin.execute("drop table if exists "
                  + ", ".join(f"marks_{n}" for n in range(ROUNDS)))
    return codes.count("40P01"), passed


def test_keys_dropped_one_after_the_other(admin, database, direct, lockstep,
                                          play):
    """Whoever has the next key's table wants this one's."""
    assert any(drop_key_by_key(play, admin, database, direct)[0]
               for _ in range(TRIES))
    victims, passed = drop_key_by_key(play, admin, database, lockstep)
    assert victims == 0 and passed == ROUNDS


def test_traffic_past_the_gate_does_not_starve_a_transaction(
        admin, database, direct, lockstep, play):
    """Only the migration comes by Lockstep."""
    migration, _application = play(lockstep)
    loops = [scene.Loop(direct, database, "begin", "select * from users",
                        "select * from projects", "commit")
             for _ in range(LOOPS)]
    with contextlib.ExitStack() as stack:
        for loop in loops:
            stack.enter_context(loop)
        for n in range(ROUNDS):
            admin.execute(f"create table marks_{n} (user_id int references "
                          "users, project_id int references projects)")
            for text in "begin", f"drop table marks_{n}", "commit":
                well(migration.query(text))
    assert [loop.problems for loop in loops if loop.problems] == []


def test_who_waits_for_the_transaction_is_not_in_its_way(lockstep, play):
    """NOWAIT fails for him, though the server would let it go first."""
    migration, application = play(lockstep)
    well(migration.query("begin"))
    well(migration.query(ADD_KEY))
    update = scene.ask(application, "update projects set seen = 1")
    time.sleep(0.3)
    well(migration.query("drop table bookmarks"))
    well(migration.query("commit"))
    assert sqlstates(update.answer()) == []


def key_behind_a_drop(play, endpoint):
    """What becomes of the application, and of the migration's second."""
    migration, application = play(endpoint)
    well(migration.query("set lockstep.replay = 'off'"))
    well(migration.query("begin"))
    well(migration.query(DROP_USER))
    well(application.query("begin"))
    well(application.query("update projects set seen = 1"))
    key = scene.ask(migration, ADD_KEY)
    time.sleep(1.3)
    read = scene.ask(application, "select * from users")
    time.sleep(0.5)
    if "40P01" not in sqlstates(key.answer()):
        well(migration.query("commit")
             if wire.status(key.answer()) == "T"
             else migration.query("rollback"))
    return sqlstates(read.answer()), sqlstates(key.answer())


def test_what_shares_a_transaction_with_a_drop_kills_nobody(direct, lockstep,
                                                            play):
    """guard = drops: ADD FOREIGN KEY alone is none of its business."""
    assert key_behind_a_drop(play, direct)[0] == ["40P01"]
    read, key = key_behind_a_drop(play, lockstep)
    assert read == [] and key in ([], ["40P01"])
