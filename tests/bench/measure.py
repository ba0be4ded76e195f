"""What a running program has used, as Linux counts it in /proc.

    with Cpu(pid) as cpu: ...            cpu.seconds
    with Samples(pid) as samples: ...    samples.since(when)
    private_bytes(pid)                   memory

Children of the program are a part of it, and so are all of its threads.  User
and system time both count: most of what a proxy does is done by the kernel on
its behalf.  CPU time is counted in nanoseconds, but for a thread that is on a
CPU at the moment, of which the last few milliseconds may be missing; and a
thread that has ended is not counted at all.
"""

import os
import re
import threading
import time

SAMPLE_PAUSE_S = 0.02
SETTLE_BOUND_S = 2
SETTLE_PAUSE_S = 0.02


def _read(*path):
    with open(os.path.join("/proc", *map(str, path)), encoding="ascii",
              errors="replace") as file:
        return file.read()


def threads(pid):
    return os.listdir(f"/proc/{pid}/task")


def family(pid):
    """It and all that descend from it."""
    pids = [pid]
    for thread in threads(pid):
        for child in _read(pid, "task", thread, "children").split():
            pids += family(int(child))
    return pids


def _thread_seconds(pid, thread):
    try:
        return int(_read(pid, "task", thread, "schedstat").split()[0]) / 1e9
    except FileNotFoundError:  # a kernel that does not count so finely
        fields = _read(pid, "task", thread, "stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    return sum(_thread_seconds(member, thread) for member in family(pid)
               for thread in threads(member))


def settled_cpu_seconds(pid):
    """Once it has stopped doing what it still had to do."""
    deadline = time.monotonic() + SETTLE_BOUND_S
    now, before = cpu_seconds(pid), None
    while now != before and time.monotonic() < deadline:
        time.sleep(SETTLE_PAUSE_S)
        now, before = cpu_seconds(pid), now
    return now


class Cpu:
    """with: seconds is what was used within; None as pid uses nothing."""

    def __init__(self, pid):
        self.pid = pid
        self.begun = 0.0
        self.seconds = 0.0

    def __enter__(self):
        if self.pid is not None:
            self.begun = settled_cpu_seconds(self.pid)
        return self

    def __exit__(self, *exc):
        if self.pid is not None:
            self.seconds = settled_cpu_seconds(self.pid) - self.begun


class Samples:
    """with: CPU time all along, for those who learn later what counts.

    The times are the clock's, as in the logs of others.
    """

    def __init__(self, pid):
        self.pid = pid
        self.seen = []  # (time, CPU seconds)
        self.at_end = 0.0
        self.is_over = threading.Event()
        self.sampler = threading.Thread(target=self._sample)

    def _sample(self):
        while not self.is_over.wait(SAMPLE_PAUSE_S):
            self.seen.append((time.time(), self._now(cpu_seconds)))

    def _now(self, count):
        return 0.0 if self.pid is None else count(self.pid)

    def __enter__(self):
        self.sampler.start()
        return self

    def __exit__(self, *exc):
        self.is_over.set()
        self.sampler.join()
        self.at_end = self._now(settled_cpu_seconds)

    def since(self, when):
        """The first time seen after that, and what was used from it on."""
        begun, used = next(sample for sample in self.seen
                           if sample[0] >= when)
        return begun, self.at_end - used


def memory(pid):
    """The kernel's names and bytes, such as Pss, summed over its processes."""
    total = {}
    for member in family(pid):
        for name, kb in re.findall(r"^(\w+): +(\d+) kB",
                                   _read(member, "smaps_rollup"), re.M):
            total[name] = total.get(name, 0) + int(kb) * 1024
    return total


def private_bytes(pid):
    """Memory that nobody shares with it; the kernel's own is not in it."""
    used = memory(pid)
    return (used["Private_Clean"] + used["Private_Dirty"]
            + used.get("Private_Hugetlb", 0))


def anonymous_bytes(pid):
    """What it has written to: its own, whoever else maps the same files.

    Private memory shrinks when another process loads the same libraries.
    """
    return memory(pid)["Anonymous"]
