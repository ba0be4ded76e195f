"""What the benchmark ran on, for those who compare its numbers."""

import datetime
import os
import platform
import re


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _field(text, name):
    found = re.search(rf"^{name}\s*[:=]\s*\"?(.*?)\"?$", text, re.M)
    return found[1] if found else "unknown"


def describe():
    cpu = _read("/proc/cpuinfo")
    is_virtual = "hypervisor" in _field(cpu, "flags").split()
    memory_kb = int(_field(_read("/proc/meminfo"), "MemTotal").split()[0])
    return {
        "CPU": f"{_field(cpu, 'model name')}, {os.cpu_count()} cores"
               + (", a virtual machine" if is_virtual else ""),
        "memory": f"{memory_kb / (1 << 20):.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _field(_read("/etc/os-release"), "PRETTY_NAME"),
        "load before": _read("/proc/loadavg").split()[0],
        "date": datetime.datetime.now(datetime.timezone.utc)
        .strftime("%Y-%m-%d %H:%M UTC"),
    }
