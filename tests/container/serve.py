#!/usr/bin/python3
"""serve.py CONTAINER BUILDAH... - does an image serve, as whom, and stop?

BUILDAH is that command with its options, CONTAINER a working container of the
image, which shares this machine's network.  What is run there is what the
image says: its ENTRYPOINT, its USER, its HEALTHCHECK.
"""

import json
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


class Container:
    """The image's own words, with `variables` for its environment."""

    def __init__(self, name, buildah, variables):
        self.name = name
        self.buildah = buildah
        self.variables = variables
        told = subprocess.run([*buildah, "inspect", name], check=True,
                              capture_output=True, text=True).stdout
        self.config = json.loads(told)["Docker"]["config"]

    def words(self, command):
        options = [word for name, value in self.variables.items()
                   for word in ("--env", f"{name}={value}")]
        return [*self.buildah, "run", "--isolation", "chroot", *options,
                self.name, "--", *command]

    def serve(self):
        return subprocess.Popen(self.words(self.config["Entrypoint"]),
                                stdin=subprocess.DEVNULL)

    def run(self, command):
        """The status that a command in there ends with."""
        return subprocess.run(self.words(command), stdin=subprocess.DEVNULL,
                              timeout=READY_BOUND_S, check=False).returncode

    def health(self):
        how, *command = self.config["Healthcheck"]["Test"]
        assert how == "CMD", how
        return self.run(command)


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


def drop(port, process):
    with connect_when_ready(process, port) as conn:
        conn.execute("create table parent (id int primary key)")
        conn.execute("create table child (id int references parent)")
        conn.execute("drop table child, parent")
        left = conn.execute("select to_regclass('child')").fetchone()
        assert left == (None,), left


def serve_until(container, port, stop):
    """Serve until stop(pid) has been called; the uid that did it."""
    process = container.serve()
    try:
        drop(port, process)
        lockstep = lockstep_process(process.pid)
        uid = os.stat(f"/proc/{lockstep}").st_uid
        assert uid == int(container.config["User"].split(":")[0]) != 0, uid
        assert container.health() == 0, "unhealthy while it serves"
        stop(lockstep)
        status = process.wait(STOP_BOUND_S)
        assert status == 0, f"exit status {status}"
        assert container.health() == 1, "healthy when it is gone"
        return uid
    finally:
        if process.poll() is None:
            for child in reversed(descendants(process.pid)):
                os.kill(child, signal.SIGKILL)
            process.wait()


def main(name, *buildah):
    with Cluster() as cluster:
        port = free_port()
        container = Container(name, buildah, {
            "LOCKSTEP_LISTEN": f"127.0.0.1:{port}",
            "LOCKSTEP_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
            "LOCKSTEP_HTTP_ADMIN": "on",
            "LOCKSTEP_UPSTREAM": f"host=127.0.0.1 port={cluster.port}"})
        uid = serve_until(container, port,
                          lambda pid: os.kill(pid, signal.SIGTERM))
        shutdown = [*container.config["Entrypoint"], "shutdown"]
        serve_until(container, port, lambda _: container.run(shutdown))
    print(f"serves as uid {uid}, is healthy, stops with status 0 after "
          "SIGTERM and after `lockstep shutdown`")


if __name__ == "__main__":
    main(*sys.argv[1:])
