"""Clients that keep reading tables, as a process of their own.

    with Application(endpoint, database, order="ab") as app:
        ...
    app.result == {"transactions", "errors": {sqlstate: count}, "missing",
                   "longest_ms"}

The process is this file run with its options as JSON; it says "ready" once
every client has read once, and answers when its standard input ends.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import wire

UNDEFINED_TABLE = "42P01"


class Application:
    def __init__(self, endpoint, database, order="ab", clients=6,
                 protocol="simple", pause_ms=10):
        self.options = {"host": endpoint.host, "port": endpoint.port,
                        "tls": getattr(endpoint, "tls", False),
                        "database": database, "order": order,
                        "clients": clients, "protocol": protocol,
                        "pause_ms": pause_ms}
        self.process = None
        self.result = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__),
             json.dumps(self.options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().strip()
        assert ready == "ready", ready
        return self

    def __exit__(self, *exc):
        output, _ = self.process.communicate(timeout=2 * wire.HANG_BOUND_S)
        self.result = json.loads(output)


class Client(threading.Thread):
    """One session, one transaction after the other until told to stop."""

    def __init__(self, options, stop):
        super().__init__(daemon=True)
        self.options = options
        self.stop = stop
        self.has_read = threading.Event()
        self.transactions = 0
        self.missing = 0
        self.errors = {}
        self.longest_ms = 0.0

    def order(self):
        tables = list(self.options.order)
        if self.options.order == "random":
            tables = ["a", "b"]
            random.shuffle(tables)
        return tables

    def run(self):
        try:
            with wire.Wire(self.options, self.options.database,
                           application_name="e2e_app") as session:
                while not self.stop.is_set():
                    self.transaction(session)
                    self.has_read.set()
        except Exception as problem:
            self.count(repr(problem))
        self.has_read.set()

    def transaction(self, session):
        texts = ["begin"]
        texts += [f"select * from table_{table}" for table in self.order()]
        for i, text in enumerate(texts + ["commit"]):
            if 1 < i < len(texts):
                time.sleep(self.options.pause_ms / 1000)
            if not self.statement(session, text):
                self.statement(session, "rollback")
                return
        self.transactions += 1

    def statement(self, session, text):
        start = time.monotonic()
        if self.options.protocol == "extended":
            trace = session.run(*wire.extended(text), wire.sync())
        else:
            trace = session.query(text)
        self.longest_ms = max(self.longest_ms,
                              (time.monotonic() - start) * 1000)
        if trace[-1] is wire.CLOSED:
            raise ConnectionError(f"closed: {wire.errors(trace)}")
        for error in wire.errors(trace):
            # table_c is away between a drop and the next create.
            if error["C"] == UNDEFINED_TABLE and "table_c" in error["M"]:
                self.missing += 1
            else:
                self.count(error["C"])
        return not wire.errors(trace)

    def count(self, error):
        self.errors[error] = self.errors.get(error, 0) + 1


def main():
    options = SimpleNamespace(**json.loads(sys.argv[1]))
    stop = threading.Event()
    clients = [Client(options, stop) for _ in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.has_read.wait()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    result = {"transactions": 0, "missing": 0, "errors": {}, "longest_ms": 0}
    for client in clients:
        client.join(wire.HANG_BOUND_S)
        if client.is_alive():
            client.count("hangs")
        result["transactions"] += client.transactions
        result["missing"] += client.missing
        result["longest_ms"] = max(result["longest_ms"], client.longest_ms)
        for error, count in client.errors.items():
            result["errors"][error] = result["errors"].get(error, 0) + count
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
