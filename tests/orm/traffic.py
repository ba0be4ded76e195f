"""The application beside a migration: clients that loop over two hot tables.

    with Traffic(endpoint, database, ["users", "projects"]) as traffic:
        ...
    traffic.errors == {sqlstate: count}

Every second client reads the two in one transaction, the others update a row
of their own in each; all of them take the tables in the order given.
"""

import collections
import threading
import time

import wire

CLIENTS = 6
PAUSE_S = 0.005  # of a client behind each of its statements
READY_BOUND_S = 30


class Client(threading.Thread):
    """One session, one transaction after the other until told to stop."""

    def __init__(self, endpoint, database, texts, stop):
        super().__init__(daemon=True)
        self.session = wire.Wire(endpoint, database,
                                 application_name="orm_application")
        self.texts = texts
        self.stop = stop
        self.is_ready = threading.Event()
        self.transactions = 0
        self.errors = collections.Counter()
        self.longest_s = 0

    def run(self):
        try:
            while not self.stop.is_set():
                self.run_transaction()
                self.is_ready.set()
        except Exception as problem:  # one that is lost is no success
            self.errors[repr(problem)] += 1
        self.is_ready.set()
        self.session.close()

    def run_transaction(self):
        for text in "begin", *self.texts, "commit":
            if not self.run_statement(text):
                self.run_statement("rollback")
                return
            time.sleep(PAUSE_S)
        self.transactions += 1

    def run_statement(self, text):
        begun = time.monotonic()
        trace = self.session.query(text)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        self.errors.update(wire.sqlstates(trace))
        if trace[-1] is wire.CLOSED:
            raise ConnectionError(f"closed: {wire.errors(trace)}")
        return not wire.errors(trace)


def texts_of(number, tables):
    if number % 2:
        return [f"update {table} set seen = seen + 1 where id = {number}"
                for table in tables]
    return [f"select seen from {table} where id = {number}"
            for table in tables]


class Traffic:
    def __init__(self, endpoint, database, tables):
        self.stop = threading.Event()
        self.clients = [Client(endpoint, database, texts_of(number, tables),
                               self.stop) for number in range(1, CLIENTS + 1)]
        self.errors = collections.Counter()
        self.transactions = 0
        self.longest_s = 0

    def __enter__(self):
        for client in self.clients:
            client.start()
        for client in self.clients:
            assert client.is_ready.wait(READY_BOUND_S), "no traffic"
        return self

    def __exit__(self, *exc):
        self.stop.set()
        for client in self.clients:
            client.join(2 * wire.HANG_BOUND_S)
            if client.is_alive():
                client.errors["hangs"] += 1
            self.errors += client.errors
            self.transactions += client.transactions
            self.longest_s = max(self.longest_s, client.longest_s)
