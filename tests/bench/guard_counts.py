#!/usr/bin/python3
"""What a guarded statement makes Lockstep ask of the server, counted.

Each kind of statement is played straight at a server and through Lockstep,
and what the server is sent beyond the statement itself is counted: round
trips (each Sync, Flush or Query is one), statements, bytes, and the nodes of
the plans that the server makes of our questions.  None of these depends on
how busy the machine is.  Fails where one of them is more than in
guard_counts.json.  After a change that is meant, or an improvement:

    guard_counts.py --renew build/release/lockstep

Plans differ between versions of PostgreSQL: the record is of Debian 12's,
and where another one is used only the other counts are compared.
"""

import argparse
import json
import os
import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import proxy  # noqa: E402
import wire  # noqa: E402
from cluster import Cluster  # noqa: E402
from tap import Tap  # noqa: E402

RECORD = pathlib.Path(__file__).with_name("guard_counts.json")
COUNTS = ("round trips", "statements", "bytes", "plan nodes")
BYTES_BOUND = 0.01  # OIDs and process ids may have a digit more

TEN = [f"ten_{i}" for i in range(10)]
SCHEMA = """
create table parent_1 (id int primary key);
create table parent_2 (id int primary key);
create table child (a int references parent_1, b int references parent_2);
""" + "".join(f"create table {name} (id int);" for name in TEN)
CLEAR = "drop schema public cascade; create schema public"

DROP = "drop table child"
TEMP = "create temp table mine (id int primary key)"
# name: what is sent, a message each
KINDS = {
    "DROP TABLE": [DROP],
    "DROP COLUMN": ["alter table child drop column a"],
    "TRUNCATE": ["truncate child"],
    "TRUNCATE of ten tables": ["truncate " + ", ".join(TEN)],
    "two drops": [DROP, "drop table ten_0"],
    "DROP TABLE in a transaction": ["begin", DROP, "commit"],
    "two drops in a transaction": ["begin", DROP, "drop table ten_0",
                                   "commit"],
    "a temporary table": [TEMP, "drop table mine"],
    "a temporary table in a transaction": ["begin", TEMP, "drop table mine",
                                           "commit"],
    "what the transaction has made": [
        "begin", "create table made (id int references parent_1)",
        "truncate made", "drop table made", "commit"],
    "outside of the scope": ["alter table child add column c int"],
    "twice outside of the scope": ["alter table child add column c int",
                                   "alter table child add column d int"],
}
# Behind the name, and the settings: at once, or with a plan as where somebody
# is in the way.
WAYS = {"": {}, ", planned": {"optimistic": "off"}}


class Count(Tap):
    """What clients say, cut where it is asked for."""

    def take(self):
        """The frames since the last time, as (type, body)."""
        data = b"".join(self.heard)
        self.heard.clear()
        frames = []
        while data:
            end = 1 + struct.unpack_from("!I", data, 1)[0]
            frames.append((chr(data[0]), data[5:end]))
            data = data[end:]
        return frames

    def forget(self, session):
        """All that a session has said so far: once it is answered, it has
        come by."""
        session.query("select 1")
        self.take()


# -- one kind ---------------------------------------------------------------

def play(tap, endpoint, admin, texts):
    """The frames that the server got, of a session that is not new."""
    frames = []
    with wire.Wire(endpoint) as session:
        for _ in range(2):
            admin.execute(CLEAR)
            admin.execute(SCHEMA)
            tap.forget(session)
            for text in texts:
                errors = wire.errors(session.query(text))
                assert not errors, errors
            frames = tap.take()
    return frames


def strings(body):
    return [part.decode() for part in body.split(b"\0")[:2]]


def parameters(body):
    """Of a Bind whose parameters are texts."""
    at = body.index(b"\0", body.index(b"\0") + 1) + 1
    formats = struct.unpack_from("!H", body, at)[0]
    at += 2 + 2 * formats
    count = struct.unpack_from("!H", body, at)[0]
    at += 2
    found = []
    for _ in range(count):
        size = struct.unpack_from("!i", body, at)[0]
        at += 4
        found.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return found


def questions(frames):
    """(text, parameters) of each of ours that the server makes a plan of."""
    texts = {}
    for kind, body in frames:
        if kind == "P":
            name, text = strings(body)
            texts[name] = text
        elif kind == "B":
            text = texts.get(strings(body)[1], "")
            if re.match(r"(/\*.*?\*/\s*)?(SELECT|WITH)", text, re.DOTALL):
                yield text, parameters(body)


def literal(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def plan_nodes(admin, text, values):
    """Of the plan of this question."""
    admin.execute("set standard_conforming_strings = on")
    admin.execute(b"prepare counted as " + text.encode(), prepare=False)
    given = "(" + ", ".join(map(literal, values)) + ")" if values else ""
    plan = admin.execute(b"explain (format json) execute counted"
                         + given.encode(), prepare=False).fetchone()[0]
    admin.execute("deallocate counted")
    return json.dumps(plan).count('"Node Type"')


def count(frames, admin):
    kinds = [kind for kind, _ in frames]
    return {"round trips": sum(kinds.count(kind) for kind in "SHQ"),
            "statements": kinds.count("E") + kinds.count("Q"),
            "bytes": sum(5 + len(body) for _, body in frames),
            "plan nodes": sum(plan_nodes(admin, *question)
                              for question in questions(frames))}


def beyond(guarded, direct):
    return {name: guarded[name] - direct[name] for name in COUNTS}


def count_way(tap, lockstep, admin, suffix):
    """{kind: counts} through this Lockstep."""
    counted = {}
    for kind, texts in KINDS.items():
        direct, guarded = (
            play(tap, way, admin, texts) for way in (tap, lockstep))
        admin.execute(CLEAR)
        admin.execute(SCHEMA)
        counted[kind + suffix] = beyond(count(guarded, admin),
                                        count(direct, admin))
    return counted


def count_kinds(pg_bin):
    """{kind: counts}, and the server's version."""
    counted = {}
    with Cluster(pg_bin, settings={"log_statement": "none"}) as cluster, \
            Count(cluster) as tap, cluster.connect() as admin:
        for suffix, settings in WAYS.items():
            with proxy.Lockstep(tap, {"workers": "1",
                                      **settings}) as lockstep:
                counted |= count_way(tap, lockstep, admin, suffix)
        return counted, admin.info.server_version // 10000


# -- the record -------------------------------------------------------------

def bound(name, on_record):
    return on_record * (1 + BYTES_BOUND) if name == "bytes" else on_record


def judge(counted, version, record):
    """Print all; True if nothing is more than on record."""
    is_well = True
    compared = [name for name in COUNTS
                if name != "plan nodes" or version == record["version"]]
    print(f"PostgreSQL {version}, on record: {record['version']}\n")
    print(f"{'beyond the statement':36}"
          + "".join(f"{name:>20}" for name in COUNTS))
    for kind, counts in counted.items():
        before = record["kinds"].get(kind, {})
        print(f"{kind:36}" + "".join(
            f"{counts[name]:11,} ({before.get(name, 0):6,})"
            for name in COUNTS))
        for name in compared:
            if counts[name] > bound(name, before.get(name, 0)):
                print(f"FAILED: {kind}: more {name}")
                is_well = False
    return is_well


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lockstep", help="the program, of any build")
    parser.add_argument("--renew", action="store_true",
                        help="write the record instead of judging")
    parser.add_argument("--record", type=pathlib.Path, default=RECORD)
    parser.add_argument("--pg-bin", help="folder of initdb and postgres")
    options = parser.parse_args()
    os.environ["LOCKSTEP_BIN"] = options.lockstep
    counted, version = count_kinds(options.pg_bin)
    if options.renew:
        options.record.write_text(
            json.dumps({"version": version, "kinds": counted}, indent=1)
            + "\n", encoding="utf-8")
        return 0
    record = json.loads(options.record.read_text(encoding="utf-8"))
    return 0 if judge(counted, version, record) else 1


if __name__ == "__main__":
    sys.exit(main())
