"""Who plays beside the session under test, and who looks on.

Holders sit on a lock, loops keep a table busy, an Asked reads its answer
in a thread, so that several may wait at a time and each wait is measured.
"""

import threading
import time

import wire
from wire import Wire, errors

BOUND_S = wire.HANG_BOUND_S
HELD_S = 0.3  # long enough for what is not held
SOON_S = 10


def wait_for(admin, condition, *parameters):
    """Until the SQL condition is true; the test fails if it never is."""
    deadline = time.monotonic() + BOUND_S
    while not admin.execute("select " + condition, parameters).fetchone()[0]:
        assert time.monotonic() < deadline, f"never: {condition}"
        time.sleep(0.01)


def run(session, *texts):
    for text in texts:
        assert errors(session.query(text)) == []


def assert_held(admin, asked):
    """It waits, and not in the server."""
    pid = asked.session.pid
    assert not asked.is_answered(HELD_S)
    assert not waits_for_lock(admin, pid)
    assert tables_locked(admin, pid) == []
    assert state(admin, pid) == "idle"


def assert_answered(asked):
    assert asked.is_answered(SOON_S)
    assert errors(asked.answer()) == []


class Holder:
    """An idle transaction that has run these texts, straight at the server."""

    def __init__(self, cluster, database, *texts, begin="begin"):
        self.session = Wire(cluster, database, application_name="e2e_holder")
        for text in begin, *texts:
            assert errors(self.session.query(text)) == []
        self.begun = time.monotonic()

    def release(self):
        """How long it sat."""
        assert errors(self.session.query("rollback")) == []
        return time.monotonic() - self.begun

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.session.close()


class Asked(threading.Thread):
    """Messages sent now; answer() waits for what they get."""

    def __init__(self, session, *messages):
        super().__init__(daemon=True)
        self.session = session
        self.count = wire.ready_count(messages)
        self.trace = None
        self.took_s = None
        self.begun = time.monotonic()
        session.send(*messages)
        self.start()

    def run(self):
        trace = self.session.read_ready(self.count, 2 * BOUND_S)
        self.took_s = time.monotonic() - self.begun
        self.trace = trace

    def answer(self):
        self.join(2 * BOUND_S)
        assert self.trace is not None, "no answer"
        return self.trace

    def is_answered(self, within_s=0):
        self.join(within_s)
        return not self.is_alive()


def ask(session, text):
    return Asked(session, wire.query(text))


class Loop(threading.Thread):
    """with: runs these texts again and again; what it saw stays.

    messages(text) makes the messages of each; longest_s is the longest that
    one of them took, problems are the errors.
    """

    def __init__(self, endpoint, database, *texts, pause_s=0.005,
                 messages=lambda text: [wire.query(text)], **parameters):
        super().__init__(daemon=True)
        parameters.setdefault("application_name", "e2e_loop")
        self.session = Wire(endpoint, database, **parameters)
        self.texts = texts
        self.pause_s = pause_s
        self.messages = messages
        self.stop = threading.Event()
        self.waits = []  # (text, begun, seconds) of each answer
        self.rounds = 0
        self.problems = []

    @property
    def longest_s(self):
        return max((wait for _text, _begun, wait in self.waits), default=0)

    def longest_of(self, text):
        return max((wait for of, _begun, wait in self.waits if of == text),
                   default=0)

    def run(self):
        while not self.stop.is_set():
            for text in self.texts:
                begun = time.monotonic()
                trace = self.session.run(*self.messages(text))
                self.waits.append((text, begun, time.monotonic() - begun))
                self.problems += errors(trace)
                if trace[-1] is wire.CLOSED:
                    self.problems.append("closed")
                    return
                time.sleep(self.pause_s)
            self.rounds += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.join(BOUND_S)
        self.session.close()


# -- what the server shows --------------------------------------------------

def state(admin, pid):
    """As pg_stat_activity has it; None when the backend is gone."""
    found = admin.execute("select state from pg_stat_activity where pid = %s",
                          [pid]).fetchone()
    return found and found[0]


def waits_for_client(admin, pid):
    """It has nothing to do."""
    return admin.execute("select wait_event = 'ClientRead' "
                         "from pg_stat_activity where pid = %s",
                         [pid]).fetchone()[0]


def waits_for_lock(admin, pid):
    return admin.execute(
        "select exists (select from pg_locks where pid = %s and not granted)",
        [pid]).fetchone()[0]


def wait_asleep(cluster, session):
    """Until its pg_sleep runs: a cancel that comes before meets nothing."""
    with cluster.connect() as admin:
        wait_for(admin, "exists (select from pg_stat_activity where pid = %s "
                 "and wait_event = 'PgSleep')", session.pid)


def tables_locked(admin, pid):
    """(table, mode) of what this backend holds or waits for."""
    return admin.execute(
        "select c.relname, l.mode from pg_locks l "
        "join pg_class c on c.oid = l.relation "
        "where l.pid = %s and l.relation >= 16384 "
        "and c.relkind in ('r', 'p', 'm', 'v') order by 1, 2",
        [pid]).fetchall()


def wait_gone(admin, *pids):
    wait_for(admin, "not exists (select from pg_stat_activity "
             "where pid = any(%s))", list(pids))


class Watch(threading.Thread):
    """with: samples who waits for a lock in the server meanwhile.

    queued counts the samples in which a session whose application_name is
    among names did.
    """

    def __init__(self, cluster, database, *names):
        super().__init__(daemon=True)
        self.admin = cluster.connect(database, application_name="e2e_watch")
        self.names = list(names)
        self.stop = threading.Event()
        self.samples = 0
        self.queued = 0

    def run(self):
        while not self.stop.is_set():
            self.queued += self.admin.execute(
                "select exists (select from pg_locks l "
                "join pg_stat_activity a using (pid) where not l.granted "
                "and a.datname = current_database() "
                "and a.application_name = any(%s))",
                [self.names]).fetchone()[0]
            self.samples += 1
            time.sleep(0.002)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.join(BOUND_S)
        self.admin.close()
