"""What every driver is asked to do, and what must come of it.

A driver is a small program in its own language:

    PROGRAM... CONNINFO MODE STEP...

CONNINFO is libpq's, in its plain form (host=... port=... dbname=... user=...)
so that a program may split it at blanks.  It prints a line for each step, its
name, a tab and the outcome; "version" is a step, too.  Nothing that differs
from run to run is part of an outcome, so the outcomes of a direct connection
and of one through Lockstep must be equal, and equal to EXPECTED.
"""

import itertools
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field

from application import Application

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_BOUND_S = 60
DEADLOCK = "40P01"

# The application reads table_a, then table_b; a DROP of table_c locks them
# the other way round.
SCHEMA = """
drop schema if exists public cascade;
create schema public;
create table table_a(id int primary key);
create table table_b(id int primary key);
insert into table_a select generate_series(1, 10);
insert into table_b select generate_series(1, 10);
create table items(id int primary key, name text not null unique);
insert into items values (1, 'one');
create table copied(id int, name text);
create table batched(id int);
create function make_c() returns void language plpgsql as $$
begin
    if to_regclass('table_c') is null then
        create table table_c(id int, a_id int, b_id int,
            constraint c_a foreign key (a_id) references table_a,
            constraint c_b foreign key (b_id) references table_b);
    end if;
end $$;
create function c_keys() returns bigint language sql as $$
    select count(*) from pg_constraint
    where contype = 'f' and conrelid = to_regclass('table_c')
$$;
-- For those who are alone.
create function fresh_c() returns void language plpgsql as $$
begin
    set local client_min_messages = warning;
    drop table if exists table_c;
    perform make_c();
end $$;
-- For those who are not: only what references nothing any more.
create function remove_c() returns void language plpgsql as $$
begin
    if to_regclass('table_c') is not null and c_keys() = 0 then
        drop table table_c;
    end if;
end $$;
create function c_state() returns text language sql as $$
    select coalesce((select string_agg(attname, ' ' order by attnum)
        || ', ' || c_keys() || ' keys' from pg_attribute
        where attrelid = to_regclass('table_c') and attnum > 0
        and not attisdropped), 'gone')
$$;
"""

WHOLE = "id a_id b_id, 2 keys"
COPIED = sum(len(f"{i}\tname {i}\n") for i in range(1, 5001))

EXPECTED = {
    "connect": "postgres",
    "simple": "1 two",
    # One statement, prepared once, run in three transactions.
    "prepared": "4 9 16",
    # int, text, null, bytea and int[], there and back.
    "parameters": "42 Zoë's \"x\\y\" NULL 00ff27 {1,NULL,3}",
    # Fetched in pieces: a portal that is suspended, or a cursor.
    "cursor": "2000 rows, sum 2001000",
    "copy_in": "5000 rows, sum 12502500",
    "copy_out": f"5000 lines, {COPIED} bytes",
    "copy_error": "22P02, then 1",
    # Sent without waiting; an error in the middle; the next pipeline.
    "pipeline": "1 2 3; 1 22012 aborted; 4",
    # An INSERT and a DROP, sent without waiting.
    "pipeline_drop": "gone",
    "batch": "100 rows, sum 5050",
    "notify": "amid idle",
    "notice": "drop cascades to constraint c_a on table table_c",
    "cancel": "57014, then 1",
    # A DROP that waits for an idle transaction is canceled.
    "cancel_drop": f"57014, then {WHOLE}",
    "unique": "23505 items_name_key Key (name)=(one) already exists.",
    "syntax": "42601 at 10",
    "syntax_drop": "42601 at 15",
    "missing_drop": f'42P01 table "nosuch" does not exist, then {WHOLE}',
    "restrict_drop": "2BP01 constraint c_a on table table_c depends on "
                     "table table_a",
    "transactions": "10 12",
    "failed": "22012 25P02, then 1",
    "drop": "gone",
    "drop_column": "id, 0 keys",
    "drop_undone": WHOLE,
    "drop_constraint": "id a_id b_id, 0 keys",
    # Prepared before the table was there, run twice.
    "drop_prepared": "gone gone",
    # BEGIN, DROP and COMMIT in one message.
    "drop_script": "gone",
}

# How often Lockstep must have guarded a statement, step by step: it ran at once
# where nobody was in its way, and else with its locks taken ahead.
GUARDED = {"pipeline_drop": 1, "notice": 1, "missing_drop": 1,
           "restrict_drop": 1, "drop": 1, "drop_column": 1,
           "drop_undone": 1, "drop_constraint": 1, "drop_prepared": 2,
           "drop_script": 1}

DIRECT_ROUNDS = 4
MOST_DIRECT_ROUNDS = 5 * DIRECT_ROUNDS
LOCKSTEP_ROUNDS = 8


@dataclass(frozen=True)
class Driver:
    """command ends before CONNINFO; expected is what differs from EXPECTED.

    ended is what Lockstep calls the end of cancel_drop.
    """

    client: str
    command: tuple
    steps: tuple
    mode: str = ""
    expected: dict = field(default_factory=dict)
    ended: str = "canceled"

    def outcome_of(self, step):
        return self.expected.get(step, EXPECTED.get(step))


def all_but(*missing):
    """The steps of EXPECTED without those that a driver cannot take."""
    unknown = set(missing) - set(EXPECTED)
    assert not unknown, unknown
    return tuple(step for step in EXPECTED if step not in missing)


def environment(folder):
    """Nothing of the caller's own servers and settings."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("PG", "LOCKSTEP_"))}
    return {**clean, "HOME": str(folder), "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"}


class Bench:
    """Where drivers are tried: one database, and a folder for what is built.
    """

    def __init__(self, cluster, lockstep, database, folder):
        self.cluster = cluster
        self.lockstep = lockstep
        self.database = database
        self.folder = folder

    def reset(self):
        with self.cluster.connect(self.database) as admin:
            admin.execute("set client_min_messages = warning;" + SCHEMA)

    def run(self, driver, endpoint, *steps):
        """The outcomes as [(step, outcome)]."""
        conninfo = (f"host={endpoint.host} port={endpoint.port} "
                    f"dbname={self.database} user=postgres")
        done = subprocess.run(
            [*driver.command, conninfo, driver.mode, *steps],
            capture_output=True, text=True, timeout=RUN_BOUND_S,
            env=environment(self.folder), stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == "", done.stdout + done.stderr
        return [tuple(line.split("\t", 1))
                for line in done.stdout.splitlines()]

    def loaded(self, driver, endpoint, rounds):
        """Drops beside an application: {how one ended: how many}, app.result.
        """
        self.reset()
        with Application(endpoint, self.database, order="ab") as app:
            [(_step, outcome)] = self.run(driver, endpoint,
                                          f"loaded:{rounds}")
        counts = re.findall(r"(\d+) (\w+)", outcome)
        assert counts, outcome
        return {kind: int(count) for count, kind in counts}, app.result

    def outcomes(self):
        """How often Lockstep reported which outcome for this database."""
        return Counter(line["outcome"] for line in self.lockstep.guarded()
                       if line["database"] == self.database)


def different(outcomes, expected):
    """What is not equal, step by step."""
    return [pair for pair in itertools.zip_longest(outcomes, expected)
            if pair[0] != pair[1]]


def check_equal(bench, driver, entry):
    """Every step, direct and through Lockstep: the outcomes are equal."""
    steps = ("version", *driver.steps)
    bench.reset()
    direct = bench.run(driver, bench.cluster, *steps)
    assert [step for step, _outcome in direct] == list(steps)
    assert re.match(r"(PHP )?\d+(\.\d+)+", direct[0][1]), direct[0]
    entry.update(client=driver.client, mode=driver.mode,
                 version=direct[0][1], tried=list(driver.steps))
    assert different(direct[1:], [(step, driver.outcome_of(step))
                                  for step in driver.steps]) == []
    bench.reset()
    through = bench.run(driver, bench.lockstep, *steps)
    assert different(through, direct) == []
    entry["result"] = "equal"


def check_guarded(bench, driver):
    """Each DROP was seen and run with its locks held, however it came."""
    outcomes = bench.outcomes()
    guarded = outcomes.pop("protected", 0) + outcomes.pop("unopposed", 0)
    # More where a step tidies up, too: what runs at once is not told apart.
    assert guarded >= sum(GUARDED.get(step, 0) for step in driver.steps)
    assert outcomes == ({driver.ended: 1} if "cancel_drop" in driver.steps
                        else {})


def check_harm(bench, driver, entry):
    """Direct, somebody dies of the driver's drops, sooner or later."""
    victims = rounds = 0
    while victims == 0:
        assert rounds < MOST_DIRECT_ROUNDS, (ended, result)
        ended, result = bench.loaded(driver, bench.cluster, DIRECT_ROUNDS)
        victims = (ended.get(DEADLOCK, 0)
                   + result["errors"].get(DEADLOCK, 0))
        rounds += DIRECT_ROUNDS
    entry["direct_victims"] = victims
    entry["direct_rounds"] = rounds


def check_no_harm(bench, driver, entry):
    """Through Lockstep every drop is done and nobody dies."""
    ended, result = bench.loaded(driver, bench.lockstep, LOCKSTEP_ROUNDS)
    assert ended == {"done": LOCKSTEP_ROUNDS}, (ended, result)
    assert result["errors"] == {}, result
    entry["victims"] = 0
    entry["rounds"] = LOCKSTEP_ROUNDS


def check(bench, driver, entry, harm=True):
    check_equal(bench, driver, entry)
    check_guarded(bench, driver)
    if harm:
        check_harm(bench, driver, entry)
    check_no_harm(bench, driver, entry)
