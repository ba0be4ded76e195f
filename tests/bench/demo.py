"""The problem and the cure, side by side, in less than a minute.

Six application clients read table_a and table_b in one transaction, again
and again, while a migration drops table_c, which references both: ten times
straight at the server, ten times through Lockstep.

Usage: demo.py LOCKSTEP-BINARY
"""
import os
import pathlib
import random
import signal
import statistics
import sys
import threading
import time

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from cluster import Cluster  # noqa: E402
from proxy import Lockstep  # noqa: E402

CLIENTS = 6
DROPS = 10
PAUSE_S = 0.01  # at most, of a client behind each of its statements
SIDE_BUDGET_S = 25  # no drop is begun later than this after a side's start

PARENTS = """
    drop table if exists table_c, table_a, table_b;
    create table table_a (id int primary key);
    create table table_b (id int primary key);
    insert into table_a select generate_series(1, 100);
    insert into table_b select generate_series(1, 100);
"""
CHILD = """
    create table table_c (id int primary key,
        a_id int references table_a, b_id int references table_b)
"""


class Side:
    """What one way of connecting did to the migration and the application."""

    def __init__(self, name):
        self.name = name
        self.worked = 0
        self.migration_deadlocks = 0
        self.application_deadlocks = 0
        self.other_errors = []
        self.longest_stall_s = 0.0
        self.drop_times_s = []
        self.transactions = 0
        self._lock = threading.Lock()

    def note_transaction(self, longest_s):
        with self._lock:
            self.transactions += 1
            self.longest_stall_s = max(self.longest_stall_s, longest_s)

    def note_failure(self, error, longest_s):
        with self._lock:
            self.longest_stall_s = max(self.longest_stall_s, longest_s)
            if isinstance(error, psycopg.errors.DeadlockDetected):
                self.application_deadlocks += 1
            else:
                self.other_errors.append(f"application: {error}")

    def note_drop(self, error, seconds):
        self.drop_times_s.append(seconds)
        if error is None:
            self.worked += 1
        elif isinstance(error, psycopg.errors.DeadlockDetected):
            self.migration_deadlocks += 1
        else:
            self.other_errors.append(f"migration: {error}")


TRANSACTION = ("begin", "select * from table_a where id = 1",
               "select * from table_b where id = 1", "commit")


def run_transaction(connection, side):
    """Note the longest that one statement of it took, and how it ended."""
    longest_s = 0.0
    failure = None
    for sql in TRANSACTION:
        begin = time.monotonic()
        try:
            connection.execute(sql)
        except psycopg.Error as error:
            failure = error
        longest_s = max(longest_s, time.monotonic() - begin)
        if failure:
            side.note_failure(failure, longest_s)
            connection.rollback()
            return
        time.sleep(random.uniform(0, PAUSE_S))  # they must not keep step
    side.note_transaction(longest_s)


def application_client(conninfo, side, stop):
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            while not stop.is_set():
                run_transaction(connection, side)
    except psycopg.Error as error:
        side.note_failure(error, 0.0)


def drop_once(migration, side):
    begin = time.monotonic()
    error = None
    try:
        migration.execute("drop table table_c")
    except psycopg.Error as e:
        error = e
    seconds = time.monotonic() - begin
    side.note_drop(error, seconds)
    outcome = "done" if error is None else str(error).splitlines()[0]
    print(f"  {side.name:17} drop {len(side.drop_times_s):2} of {DROPS}: "
          f"{milliseconds(seconds):>9}  {outcome}", flush=True)
    if error is None:
        migration.execute(CHILD)


def run_side(name, conninfo):
    """All drops through one way of connecting, with the clients around them."""
    side = Side(name)
    stop = threading.Event()
    clients = [threading.Thread(target=application_client, daemon=True,
                                args=(conninfo, side, stop))
               for _ in range(CLIENTS)]
    with psycopg.connect(conninfo, autocommit=True) as migration:
        migration.execute(PARENTS)
        migration.execute(CHILD)
        for client in clients:
            client.start()
        try:
            time.sleep(0.5)
            give_up = time.monotonic() + SIDE_BUDGET_S
            for _ in range(DROPS):
                if time.monotonic() > give_up:
                    break
                drop_once(migration, side)
                time.sleep(0.1)
        finally:
            stop.set()
            for client in clients:
                client.join(timeout=10)
    return side


def milliseconds(seconds):
    return f"{seconds * 1000:,.0f} ms"


def report_rows(side):
    times = side.drop_times_s
    return [
        ("drops that worked", f"{side.worked} of {len(times)}"),
        ("deadlocks of the migration", str(side.migration_deadlocks)),
        ("deadlocks of the application", str(side.application_deadlocks)),
        ("other errors", str(len(side.other_errors))),
        ("longest application stall", milliseconds(side.longest_stall_s)),
        ("time per drop, median", milliseconds(statistics.median(times))),
        ("time per drop, worst", milliseconds(max(times))),
    ]


def print_report(sides):
    print()
    print(f"{'':30}" + "".join(f"{side.name:>20}" for side in sides))
    for cells in zip(*(report_rows(side) for side in sides)):
        print(f"{cells[0][0]:30}" + "".join(f"{c[1]:>20}" for c in cells))
    for side in sides:
        for error in sorted(set(side.other_errors)):
            print(f"{side.name}: {error.strip()}")


def conninfo_of(server):
    return (f"host={server.host} port={server.port} user=postgres "
            "dbname=postgres sslmode=disable gssencmode=disable")


def interrupt(_signal, _frame):
    """Once: the cleaning up that follows is not to be interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def demo():
    print(f"{CLIENTS} clients loop: begin; select from table_a; "
          "select from table_b; commit.\n"
          f"Meanwhile, {DROPS} times: drop table table_c, "
          "which references both.\n"
          "Starting a private PostgreSQL and Lockstep ...", flush=True)
    with Cluster(settings={"log_statement": "none"}) as cluster:
        with Lockstep(cluster, {"log_level": "error"}) as lockstep:
            sides = [run_side("direct", conninfo_of(cluster)),
                     run_side("through Lockstep", conninfo_of(lockstep))]
    print_report(sides)
    return 0 if sides[1].worked == DROPS else 1


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    os.environ["LOCKSTEP_BIN"] = sys.argv[1]
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return demo()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
