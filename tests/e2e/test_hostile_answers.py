"""A server that keeps to the protocol and lies in what it answers.

Whatever it says of locks, holders, names and ages, Lockstep outlives it, and
each message of the client's is answered, or its connection is closed.
"""
import itertools
import random
import re
import socketserver
import struct
import threading
import time

import pytest

from program import Bare
from proxy import Lockstep
from wire import CLOSED, execute, bind, message, parse, query, sync

pytestmark = pytest.mark.needs_lockstep

SEEDS = range(1, 57)
CLIENTS = 6
SETTINGS = {"workers": "2", "hold_timeout": "1500ms", "gate_window": "20ms",
            "in_transaction_timeout": "300ms", "gate_transaction": "50ms",
            "attempt_timeout": "20ms"}

GREETING = (message("R", struct.pack("!I", 0))
            + message("S", b"client_encoding\0UTF8\0")
            + message("K", struct.pack("!II", 4711, 42)) + message("Z", b"I"))

MODES = ["AccessShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
         "AccessExclusiveLock", "NoLock"]
DURATIONS = ["0", "1ms", "50ms", "1s", "1s", "1s", "2147483647ms", "9d"]


def data_row(values):
    body = struct.pack("!H", len(values))
    for value in values:
        data = None if value is None else value.encode()
        body += (struct.pack("!i", -1) if data is None
                 else struct.pack("!i", len(data)) + data)
    return message("D", body)


def fields(**parts):
    body = b"".join(k.encode() + v.encode() + b"\0" for k, v in parts.items())
    return body + b"\0"


def purpose(sql):
    """What a statement of Lockstep's asks for; None: it is the client's."""
    for mark, name in (("split_part(b.item", "settings"),
                       ("EXECUTE _lockstep", "settings"),
                       ("current_setting('exit_on_error')", "glance"),
                       ("'transaction_read_only'", "facts"),
                       ("SELECT pg_catalog.pg_current_snapshot", "snapshot"),
                       ("COALESCE(l.pid", "holders"),
                       ("WITH RECURSIVE\nabove", "names"),
                       ("SHARE UPDATE EXCLUSIVE MODE;\nRAISE", "coax"),
                       ("pg_try_advisory_xact_lock", "attempt"),
                       ("LOCK TABLE ONLY", "attempt"),
                       ("AS is_simple", "small"),
                       ("pg_get_constraintdef", "keys"),
                       ("unnest", "plan")):
        if mark in sql:
            return name
    return None


class Liar:
    """What it answers, by a seed; a subclass may have a plan of its own."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.error_rate = self.random.choice([0, 0, 0.01, 0.1])
        self.odd_rate = self.random.choice([0, 0, 0, 0.05])
        self.busy_rate = self.random.choice([0, 0.5, 0.9, 1])
        self.bound_rate = self.random.choice([0.5, 1, 1])
        self.held_rate = self.random.choice([0, 0.5, 1])
        self.age = self.random.choice(["0", "5", "15", "100000", None])
        self.relations = self.random.randint(1, 5)
        self.sqlstates = ["XX000", "57014", "55P03", "53200"]

    def chance(self, rate):
        return self.random.random() < rate

    def fails(self, what):
        return what is not None and self.chance(self.error_rate)

    def any_text(self):
        return self.random.choice(
            [None, "", "-1", "99999999999999999999", "t", "a b", "\x01", "{",
             "x" * 3000, "{1,2,3}"])

    def distort(self, row):
        if self.chance(self.odd_rate):
            row[self.random.randrange(len(row))] = self.any_text()
        if self.chance(self.odd_rate / 2):
            row = row[:self.random.randrange(len(row))]
        return row

    def facts(self):
        pick = self.random.choice
        return [["off", "f", "read committed", pick("ttff"),
                 pick(["notice", "error"]), pick(["0", "0"] + DURATIONS),
                 pick(["0", "0"] + DURATIONS), pick(DURATIONS), "0",
                 pick(["0", "0"] + DURATIONS), "t", pick("fft"),
                 *self.snapshot()[0],
                 pick(["", "1:8", "2:1"])]]

    def glance(self):
        pick = self.random.choice
        return [[pick(["0", "0"] + DURATIONS), pick(["notice", "error"]),
                 pick(DURATIONS), pick(["t", "t", "f", None])]]

    def snapshot(self):
        return [[self.random.choice(["7:7:", "7:7:", "7:9:8", "", None])]]

    def plan(self):
        rows = []
        for relid in range(1, self.relations + self.random.choice([1, 2])):
            kind = self.random.choice("rrrrrrpvS")
            rows.append([str(self.random.choice([relid, relid, 1])), kind,
                         f"public.t{relid}", self.random.choice("4678"),
                         "t" if kind in "rp" else "f",
                         self.random.choice(["{}", "{1,2,3}"]), "1",
                         "joe" if kind in "vS" and self.chance(0.5) else ""])
        return rows

    def small(self):
        """The same rows, some of them without a relation, or not simple."""
        return [[*row, "t"] if self.chance(0.9)
                else [self.random.choice([None, *row[:1]]), *row[1:],
                      self.random.choice(["t", "f", None])]
                for row in self.plan()]

    def holders(self):
        if not self.chance(self.held_rate):
            return []
        vacuum = self.random.choice("ftf")
        return [[str(self.random.choice([0, 7, 4294967295])),
                 str(self.random.randint(1, 6)), self.random.choice(MODES),
                 "joe", "psql", "active", self.age, vacuum,
                 f"3/{self.random.randint(1, 30)}",
                 self.random.choice([None, None, "4711"]), None, None, None,
                 None]
                for _ in range(self.random.choice([1, 1, 40]))
                ] + self.waiters()

    def waiters(self):
        return [["7", None, self.random.choice(MODES), None, None, None, None,
                 "f", None, "4711", "relation 1 of database 5", "t",
                 self.random.choice("tf"), self.random.choice("tf")]
                for _ in range(self.random.choice([0, 0, 1, 40]))]

    def settings(self):
        return [[self.random.choice("003"), ""]]

    def keys(self):
        return [["public.c", self.random.choice(["k", "k; drop table d", "k,"]),
                 "restore"]
                for _ in range(self.random.choice([0, 2, 100]))]

    def names(self):
        return [[f"t{i}", "public", self.random.choice("anw"),
                 self.random.choice([None, None, "joe"])]
                for i in range(self.random.choice([0, 3, 5000]))]

    def attempt(self, sql):
        """The texts of the INFO messages."""
        count = max(map(int, re.findall(r"s := (\d+);", sql)), default=0)
        granted = re.search(r"INFO USING MESSAGE = '(\d+)'", sql)[1]
        if self.chance(self.odd_rate):
            return [self.random.choice(["", "-1", "4294967296", "odd"])]
        if self.chance(self.odd_rate):
            return [] if self.chance(0.5) else [granted, "0"]
        if self.chance(self.busy_rate):
            return [str(self.random.randint(0, count))]
        return [granted]

    def rows(self, what):
        rows = {"facts": self.facts, "plan": self.plan, "small": self.small,
                "holders": self.holders, "names": self.names, "keys": self.keys,
                "settings": self.settings, "glance": self.glance,
                "snapshot": self.snapshot}[what]()
        return [self.distort(row) for row in rows]


class Backend:
    """One connection: statuses and skipping as a server has them."""

    def __init__(self, liar):
        self.liar = liar
        self.status = "I"
        self.implicit = False  # an extended cycle is under way
        self.skips = False
        self.has_bound = False  # on waits for locks, of Lockstep's
        self.statements = {}
        self.portals = {}

    def fail(self, sqlstate, routine="no"):
        if self.status == "T":
            self.status = "E"
        return message("E", fields(S="ERROR", C=sqlstate, M="no", R=routine))

    def strikes(self, sql):
        """True if the bound ends this statement, the client's."""
        has_bound, self.has_bound = self.has_bound, re.search(
            r"lock_timeout(?: TO|',) '1'", sql) is not None
        return (has_bound and not self.has_bound
                and self.liar.chance(self.liar.bound_rate))

    def turn_status(self, sql):
        word = sql.strip().upper()
        if word.startswith("BEGIN"):
            self.status = "T"
        elif word.startswith("ROLLBACK TO"):
            self.status = "T"
        elif word.startswith(("COMMIT", "ROLLBACK")):
            self.status = "I"

    def run(self, sql):
        what = purpose(sql)
        if self.liar.fails(what):
            self.skips = True
            return self.fail(self.liar.random.choice(self.liar.sqlstates))
        if self.strikes(sql):
            self.skips = True
            return self.fail("55P03", "ProcessInterrupts")
        self.turn_status(sql)
        answer = b""
        if what in ("attempt", "coax"):
            for text in self.liar.attempt(sql):
                answer += message("N", fields(S="INFO", C="LKSTP", M=text))
        elif what is not None:
            answer += b"".join(map(data_row, self.liar.rows(what)))
        elif "RAISE EXCEPTION" in sql:
            self.skips = True
            return self.fail("55P03")
        return answer + message("C", b"X\0")

    def simple(self, text):
        answer = b""
        for part in text.split(";"):
            self.skips = False
            answer += self.run(part) if part else b""
            if self.skips:
                break
        self.skips = False
        return answer + message("Z", self.status.encode())

    def answer(self, kind, body):
        if kind == "Q":
            return self.simple(body[:-1].decode())
        if kind == "S":
            self.skips = False
            return message("Z", self.status.encode())
        if self.skips or kind == "H":
            return b""
        if kind == "P":
            name, sql = body.split(b"\0")[:2]
            self.statements[name] = sql.decode()
            return message("1")
        if kind == "B":
            portal, name = body.split(b"\0")[:2]
            self.portals[portal] = self.statements.get(name, "")
            return message("2")
        if kind == "C":
            return message("3")
        if kind == "E":
            return self.run(self.portals.get(body.split(b"\0")[0], ""))
        return b""


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        size = struct.unpack("!I", self.take(4))[0]
        words = self.take(size - 4).split(b"\0")
        if len(words) < 3:
            return
        seed = words[-3].decode()
        backend = Backend(self.server.liars[seed]())
        self.request.sendall(GREETING)
        while head := self.take(5):
            size = struct.unpack("!I", head[1:])[0] - 4
            kind = chr(head[0])
            if kind == "X":
                return
            answer = backend.answer(kind, self.take(size))
            if answer:
                self.request.sendall(answer)

    def take(self, size):
        data = b""
        try:
            while len(data) < size:
                chunk = self.request.recv(size - len(data))
                if not chunk:
                    return b""
                data += chunk
        except OSError:
            return b""
        return data


class LyingServer(socketserver.ThreadingTCPServer):
    """liars: by the name of the database that is asked for."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, liars):
        super().__init__(("127.0.0.1", 0), Handler)
        self.host, self.port = self.server_address
        self.liars = liars

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.shutdown()
        self.server_close()


SCRIPTS = [
    [[query("drop table t1")]],
    [[query("drop table t1, t2; drop table t3")]],
    [[query("begin; drop table t1, t2; drop table t3; commit")]],
    [[query("begin")], [query("drop table t1")], [query("drop table t2")],
     [query("commit")]],
    [[parse("drop table t1, t2"), bind(), execute(), sync()]],
    [[parse("begin"), bind(), execute(), parse("drop table t1"), bind(),
      execute(), sync()], [query("rollback")]],
    [[query("table t1")], [query("begin")], [query("table t2")],
     [query("commit")]],
    [[parse("table t1", "s"), sync()], [bind("", "s"), execute(), sync()]],
]


def play(lockstep, seed, outcome):
    """Every cycle of the script ends, or the connection does."""
    with Bare(lockstep) as session:
        session.log_in(user="postgres", database=str(seed % 7))
        for messages in SCRIPTS[seed % len(SCRIPTS)]:
            trace = session.run(*messages)
            if trace[-1] is CLOSED:
                break
    outcome.append(seed)


@pytest.mark.parametrize("policy", ["auto", "hold", "lock"])
def test_lies_of_any_kind_are_survived(policy):
    liars = {str(n): (lambda n=n, count=itertools.count():
                      Liar(n * 1000 + next(count))) for n in range(7)}
    print(f"seeds {SEEDS[0]} to {SEEDS[-1]}")
    settings = {**SETTINGS, "policy": policy, "drop_in_steps": "on"}
    ended = []
    with LyingServer(liars) as server, Lockstep(server, settings) as lockstep:
        def work(first):
            for seed in SEEDS[first::CLIENTS]:
                play(lockstep, seed, ended)

        threads = [threading.Thread(target=work, args=(i,))
                   for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lockstep.assert_clean()
        assert lockstep.is_alive()
        assert sorted(ended) == list(SEEDS)


class FailingLook(Liar):
    """Every table is always in use; the first look of a notice fails."""

    def __init__(self):
        super().__init__(1)
        self.begun = time.monotonic()
        self.has_failed = False
        self.error_rate = self.odd_rate = 0
        self.sqlstates = ["XX000"]

    def fails(self, what):
        if (what != "holders" or self.has_failed
                or time.monotonic() - self.begun < 0.95):
            return False
        self.has_failed = True
        return True

    def facts(self):
        return [["off", "f", "read committed", "f", "notice", "0", "0", "1s",
                 "0", "0", "t", "f", "", ""]]

    def plan(self):
        return [[str(i), "r", f"public.t{i}", "8", "t", "{}", "1", ""]
                for i in (1, 2)]

    def attempt(self, sql):
        return ["0"]

    def holders(self):
        return [["7", "1", "AccessShareLock", "joe", "psql", "active", "5",
                 "f", "3/4", None, None, None, None, None]]

    def settings(self):
        return [["0", ""]]


def test_a_look_that_failed_is_not_taken_for_the_next_one():
    """It was for a notice; the statement behind it asks for itself."""
    settings = {**SETTINGS, "policy": "lock", "hold_timeout": "3s"}
    with (LyingServer({"look": FailingLook}) as server,
          Lockstep(server, settings) as lockstep):
        with Bare(lockstep) as session:
            session.log_in(user="postgres", database="look")
            trace = session.run(query(
                "begin; drop table t1, t2; commit;"
                " begin; drop table t1, t2; commit"))
            assert trace[-1] is not CLOSED
        lockstep.assert_clean()
        assert lockstep.is_alive()
        outcomes = [e["outcome"] for e in lockstep.wait_guarded(2)]
        assert outcomes[:2] == ["unplanned", "timed-out"]
