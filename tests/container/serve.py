#!/usr/bin/python3
"""serve.py COMMAND... - does COMMAND serve, as whom, and does it stop?

COMMAND runs Lockstep in a container that shares this machine's network; in
its words {listen_port} and {upstream_port} stand for the ports.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

import psycopg

from cluster import Cluster, free_port

READY_BOUND_S = 60
STOP_BOUND_S = 30


def descendants(pid):
    """The processes below pid; a container's are ordinary ones here."""
    found = []
    for folder in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        for child in (folder / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def lockstep_process(pid):
    for child in descendants(pid):
        name = pathlib.Path(f"/proc/{child}/comm").read_text().strip()
        if name == "lockstep":
            return child
    raise RuntimeError("the container runs no process named lockstep")


def connect_when_ready(process, port):
    deadline = time.monotonic() + READY_BOUND_S
    while True:
        try:
            return psycopg.connect(host="127.0.0.1", port=port,
                                   user="postgres", dbname="postgres",
                                   autocommit=True)
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def serve(command):
    with Cluster() as cluster:
        port = free_port()
        words = [word.format(listen_port=port, upstream_port=cluster.port)
                 for word in command]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        try:
            with connect_when_ready(process, port) as conn:
                conn.execute("create table parent (id int primary key)")
                conn.execute("create table child (id int references parent)")
                conn.execute("drop table child")
                left = conn.execute("select to_regclass('child')").fetchone()
                assert left == (None,), left
            lockstep = lockstep_process(process.pid)
            uid = os.stat(f"/proc/{lockstep}").st_uid
            assert uid != 0, "Lockstep runs as root"
            os.kill(lockstep, signal.SIGTERM)
            status = process.wait(STOP_BOUND_S)
            assert status == 0, f"exit status {status}"
        finally:
            if process.poll() is None:
                for child in reversed(descendants(process.pid)):
                    os.kill(child, signal.SIGKILL)
                process.wait()
    print(f"serves as uid {uid}, stops with status 0")


if __name__ == "__main__":
    serve(sys.argv[1:])
