#!/usr/bin/python3
"""listeners.py [COUNT]... - what a fleet of so many Locksteps is like.

Against a private PostgreSQL: from the moment at which a window is told to the
last listener's notification, and what all of them cost the server while they
are idle.  Prints the table of docs/fleet.md; a window of listeners.c is 600
bytes long.  Needs libpq's headers and some 10 MB a listener.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from cluster import Cluster

COUNTS = [1, 10, 100, 1000]
ROUNDS = 50
IDLE_S = 15


def build(folder):
    program = os.path.join(folder, "listeners")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"],
                           check=True, capture_output=True, text=True).stdout
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program,
                    str(HERE / "listeners.c"), *flags.split()], check=True)
    return program


def cpu_s(root):
    """Processor time of a process and of those that it has started."""
    tree = subprocess.run(["ps", "-o", "pid=", "--ppid", str(root)],
                          capture_output=True, text=True).stdout.split()
    ticks = 0
    for pid in [str(root), *tree]:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(program, cluster, count):
    process = subprocess.Popen(
        [program, cluster.conninfo(), str(count), str(ROUNDS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        rounds = []
        while (line := process.stdout.readline().strip()) != "idle":
            assert line, "listeners has ended"
            rounds.append([int(us) / 1000 for us in line.split()])
        before = cpu_s(cluster.process.pid)
        time.sleep(IDLE_S)
        used = cpu_s(cluster.process.pid) - before
    finally:
        process.communicate()
    sent, heard = zip(*rounds)
    return (statistics.median(sent), min(heard), statistics.median(heard),
            max(heard), 100 * used / IDLE_S)


def main():
    counts = list(map(int, sys.argv[1:])) or COUNTS
    print("| listeners | sent, median | last one heard, best | median "
          "| worst | of a processor, idle |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, \
            Cluster(settings={"max_connections": str(max(counts) + 20),
                              "log_statement": "none"}) as cluster:
        program = build(folder)
        for count in counts:
            *times, idle = measure(program, cluster, count)
            print(f"| {count:,} | "
                  + " | ".join(f"{ms:.1f} ms" for ms in times)
                  + f" | {idle:.2f} % |", flush=True)


if __name__ == "__main__":
    main()
