"""The benchmark's own parts: the floor relays, the arithmetic is right.

FLOOR_BIN names the floor.
"""

import mmap
import os
import pathlib
import socket
import sys
import threading
import time
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import chart
import contestants
import journey
import load
import measure
import report
from results import CLEAR, ENCRYPTED, Results, Spread, cpu_us

BOUND_S = 30
MUCH = bytes(range(256)) * 65536  # 16 MB: more than sockets hold


class Upstream:
    """Listens; accept() is the next connection."""

    host = "127.0.0.1"

    def __init__(self):
        self.listener = socket.create_server((self.host, 0))
        self.listener.settimeout(BOUND_S)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        connection, _address = self.listener.accept()
        connection.settimeout(BOUND_S)
        return connection


@pytest.fixture
def pair():
    """A client of the floor, and its connection's other end."""
    upstream = Upstream()
    with contestants.Floor(upstream) as floor, upstream.listener:
        upstream.accept().close()  # of the fixture's own look
        client = socket.create_connection((floor.host, floor.port), BOUND_S)
        with client, upstream.accept() as server:
            yield client, server
        assert floor.process.poll() is None, floor.log()


def read_all(connection):
    chunks = []
    while chunk := connection.recv(1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)


@pytest.mark.parametrize("way", [1, -1])
def test_floor_passes_a_half_close_on(pair, way):
    one, other = pair[::way]
    one.sendall(b"question")
    one.shutdown(socket.SHUT_WR)
    assert read_all(other) == b"question"
    other.sendall(b"answer")
    other.close()
    assert read_all(one) == b"answer"


@pytest.mark.parametrize("way", [1, -1])
def test_floor_keeps_what_a_slow_reader_leaves(pair, way):
    one, other = pair[::way]
    sender = threading.Thread(
        target=lambda: (one.sendall(MUCH), one.shutdown(socket.SHUT_WR)))
    sender.start()
    time.sleep(0.2)
    assert read_all(other) == MUCH
    sender.join(BOUND_S)


def test_floor_closes_after_a_reset(pair):
    client, server = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      b"\1\0\0\0\0\0\0\0")
    client.close()
    assert server.recv(1) == b""


def test_cpu_counts_what_a_process_uses():
    with measure.Cpu(os.getpid()) as cpu:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    assert 0.1 < cpu.seconds < 0.5


def test_samples_tell_what_was_used_since():
    with measure.Samples(os.getpid()) as samples:
        time.sleep(0.2)
        when = time.time()
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    begun, seconds = samples.since(when)
    assert when <= begun < when + 0.15 and 0.05 < seconds < 0.5


def test_load_begins_when_it_is_watched():
    lines = ["0 1 900 0 100 500000", "1 1 300 0 102 0", "0 2 200 0 101 0 7"]
    found = load.load_since([load.logged(line) for line in lines], 100.75)
    assert found == load.Load(2, 1.25, [200, 300])


def test_private_memory_is_what_was_touched():
    size = 32 << 20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE) as memory:
        before = measure.private_bytes(os.getpid())
        memory.write(bytes(size // 2))
        grown = measure.private_bytes(os.getpid()) - before
    assert abs(grown - size / 2) < size / 4


@pytest.mark.parametrize("values, share, expected", [
    ([], 0.5, None), ([7], 0.99, 7), ([1, 2, 3, 4], 0.5, 2),
    (list(range(1, 101)), 0.95, 95), (list(range(1, 101)), 0.99, 99)])
def test_nearest_rank(values, share, expected):
    assert load.nearest_rank(values, share) == expected


@pytest.fixture
def results():
    """Two rounds of simple-c1; Lockstep uses 1.0 and 1.2 of the floor's."""
    made = Results(machine={"CPU": "one"}, command="run", minutes=1,
                   effort={"rounds": 2, "seconds": 1, "copy_bytes": 1e6,
                           "sessions": 5},
                   clients="15.1", missing={}, ciphers={}, failed=[],
                   contestants={"floor": {"version": "1", "told": "a = b"}})
    for encrypted in CLEAR, ENCRYPTED:
        for i, times in enumerate((1.0, 1.2)):
            for name, more in (("floor", 1), ("haproxy", 2),
                               ("pgbouncer", 2), ("lockstep", times)):
                made.add(workload="simple-c1", encrypted=encrypted,
                         contestant=name, round=i, units=1000, seconds=1.0,
                         cpu_s=0.01 * (i + 1) * more, p50_us=100 * more,
                         p95_us=200, p99_us=300)
    made.add(workload="idle", encrypted=CLEAR, contestant="lockstep",
             round=0, units=5, kib=2.6)
    return made


def test_ratios_are_of_the_same_round(results):
    assert results.ratio("simple-c1", CLEAR, "lockstep", cpu_us,
                         "floor") == Spread(
                             pytest.approx(1.1), pytest.approx(1.0),
                             pytest.approx(1.2))


def test_results_survive_a_file(results, tmp_path):
    results.write(tmp_path / "results.json")
    again = Results.read(tmp_path / "results.json")
    assert (again.rows, again.about) == (results.rows, results.about)


def test_report_tells_what_is_met(results):
    lines = report.targets(results).splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:]] == [
        "met", "MISSED", "met", "met"]


def test_report_has_each_part(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.update(page, report.report(results))
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "old" not in text and "1.10 (1.00-1.20)" in text


def test_chart_is_sound_xml(results):
    drawn = ElementTree.fromstring(chart.draw(results))
    said = [element.text for element in drawn.iter() if element.text]
    assert "1.10" in said and "2.60" in said


# -- the journey through the files ------------------------------------------

def test_journey_tells_changes_from_calls():
    """relay enters frame twice, each time from another function."""
    functions = {1: journey.Function("walk", "relay.c"),
                 2: journey.Function("frame_peek", "frame.c"),
                 3: journey.Function("frame_len", "frame.h"),
                 4: journey.Function("flush", "relay.c")}
    left = journey.HAS_LEFT
    entries = [9 | left,  # entered before the journal began
               1, 2, 3, 3 | left, 2 | left, 4, 2, 2 | left, 4 | left,
               2, 2 | left, 1 | left]
    seen = journey.Journey.of(entries, functions.get)
    assert [f.name for f in seen.functions] == [
        "walk", "frame_peek", "frame_len", "flush", "frame_peek",
        "frame_peek"]
    assert seen.changes() == 4
    assert seen.sources_only().changes() == 3
    assert len(seen.files()) == 3
    assert seen.calls_abroad().total() == 3
    assert seen.sources_only().calls_abroad().total() == 2
    assert seen.lone_visits()[functions[2]] == 2
