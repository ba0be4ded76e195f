"""Much traffic, huge messages, many sessions; the memory stays small.

The bound on memory holds for a release: with LOCKSTEP_SANITIZED set the same
traffic runs in smaller amounts and the bound is not asserted.
"""
import hashlib
import os
import random
import re
import signal
import struct
import subprocess
import time

import pytest

import wire
from cluster import Cluster
from proxy import Lockstep
from wire import Wire

MIB = 1 << 20
MEMORY_LIMIT_BYTES = 64 * MIB
HANG_BOUND_S = 300

SANITIZED = bool(os.environ.get("LOCKSTEP_SANITIZED"))
SMALLER = 16 if SANITIZED else 1  # amounts are divided by this

STATEMENTS = 10_000 // SMALLER
IDLE_SESSIONS = 500 // SMALLER


@pytest.fixture(scope="module")
def cluster(request):
    """A server that writes no log of its own: it would be gigabytes."""
    settings = {"max_connections": "600", "log_statement": "none",
                "max_wal_size": "8GB"}
    with Cluster(request.config.getoption("--pg-bin"), settings) as cluster:
        yield cluster


@pytest.fixture
def endpoint(request, cluster):
    """A Lockstep of the test's own; its memory's peak is judged at the end."""
    if request.config.getoption("--direct-only"):
        yield cluster
        return
    with Lockstep(cluster) as lockstep:
        yield lockstep
        peak = peak_memory_bytes(lockstep)
        print(f"peak memory: {peak / MIB:.1f} MiB")
        assert SANITIZED or peak < MEMORY_LIMIT_BYTES


def peak_memory_bytes(lockstep):
    """The kernel's own high-water mark: no sample can miss it."""
    with open(f"/proc/{lockstep.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def client_command(cluster, program, endpoint, database, *arguments):
    return [os.path.join(cluster.pg_bin, program), "-h", endpoint.host,
            "-p", str(endpoint.port), "-U", "postgres", *arguments, database]


def client_environment():
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}


def run_client(command):
    """What the program printed; it must end well and complain of nothing."""
    done = subprocess.run(command, env=client_environment(), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=HANG_BOUND_S)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr and "FATAL" not in done.stderr
    return done.stdout


# -- pgbench ----------------------------------------------------------------

CLIENTS = 8
TRANSACTIONS = 1000 // SMALLER


def run_pgbench(cluster, endpoint, database, transactions, *arguments):
    output = run_client(client_command(
        cluster, "pgbench", endpoint, database, "-n", "-c", str(CLIENTS),
        "-j", "2", "-t", str(transactions), *arguments))
    wanted = CLIENTS * transactions
    assert f"actually processed: {wanted}/{wanted}" in output
    assert "failed transactions: 0 (" in output


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_reads(cluster, endpoint, admin, database, mode):
    run_client(client_command(cluster, "pgbench", cluster, database, "-iq"))
    run_pgbench(cluster, endpoint, database, 5 * TRANSACTIONS, "-S",
                "-M", mode)


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_writes(cluster, endpoint, admin, database, mode):
    run_client(client_command(cluster, "pgbench", endpoint, database,
                              "-iq", "-s", "4"))
    run_pgbench(cluster, endpoint, database, TRANSACTIONS, "-M", mode)
    balances = admin.execute("""
        select (select sum(abalance) from pgbench_accounts),
               (select sum(tbalance) from pgbench_tellers),
               (select sum(bbalance) from pgbench_branches),
               (select sum(delta) from pgbench_history)""").fetchone()
    assert len(set(balances)) == 1, balances
    written = admin.execute("select count(*) from pgbench_history").fetchone()
    assert written[0] == CLIENTS * TRANSACTIONS


def test_pgbench_that_connects_for_each_transaction(
        cluster, endpoint, admin, database):
    run_client(client_command(cluster, "pgbench", cluster, database, "-iq"))
    run_pgbench(cluster, endpoint, database, TRANSACTIONS // 20, "-S", "-C")


# -- COPY -------------------------------------------------------------------

COPY_ROWS = 1_000_000 // SMALLER  # of about a kilobyte each
COPY_SOURCE = ("select i, repeat(md5(i::text), 33) as pad "
               f"from generate_series(1, {COPY_ROWS}) i")
CHECKSUM = "count(*), sum(i), sum(length(pad)), sum(hashtext(pad)::bigint)"


def test_copy_of_a_gigabyte_out_and_in(cluster, endpoint, admin, database):
    """Out through one proxied session, by a pipe, in through another."""
    admin.execute("create unlogged table target (i int, pad text)")
    source = subprocess.Popen(
        client_command(cluster, "psql", endpoint, database, "-Xqc",
                       f"copy ({COPY_SOURCE}) to stdout"),
        env=client_environment(), stdout=subprocess.PIPE)
    sink = subprocess.Popen(
        client_command(cluster, "psql", endpoint, database, "-Xqc",
                       "copy target from stdin"),
        env=client_environment(), stdin=source.stdout)
    source.stdout.close()
    assert sink.wait(HANG_BOUND_S) == 0
    assert source.wait(HANG_BOUND_S) == 0
    arrived = admin.execute(f"select {CHECKSUM} from target").fetchone()
    sent = admin.execute(
        f"select {CHECKSUM} from ({COPY_SOURCE}) source").fetchone()
    assert arrived == sent
    assert arrived[0] == COPY_ROWS


# -- a long script ----------------------------------------------------------

def write_script(file, statements):
    """DDL and DML by a fixed seed: what it prints is the same every time."""
    choose = random.Random(2)
    written = 0

    def put(*lines):
        nonlocal written
        written += len(lines)
        file.write("".join(line + ";\n" for line in lines))

    put("create table parent_a (id int primary key)",
        "create table parent_b (id int primary key)",
        "create table entries (n int, t text)",
        "insert into parent_a select generate_series(0, 9)",
        "insert into parent_b select generate_series(0, 9)")
    while written < statements - 1:
        n = written
        kind = choose.randrange(6)
        if kind == 0:
            put(f"create table t{n} (id int)", f"drop table t{n}")
        elif kind == 1:
            put(f"create table t{n} (a int references parent_a, "
                "b int references parent_b)",
                f"insert into t{n} values ({n % 10}, {n % 7})",
                f"drop table t{n}")
        elif kind == 2:
            put("begin", f"insert into entries values ({n}, 'x')",
                f"create table t{n} (a int references parent_a)",
                f"drop table t{n}", choose.choice(["commit", "rollback"]))
        elif kind == 3:
            put(f"insert into entries values ({n}, '{'y' * (n % 300)}')",
                f"update entries set t = t || '!' where n = {n} "
                "returning n, length(t)")
        elif kind == 4:
            put("begin", "savepoint s", f"create view v{n} as table entries",
                "rollback to s", f"delete from entries where n < {n // 2}",
                "commit")
        else:
            put("select count(*), sum(n), sum(length(t)) from entries",
                f"create table t{n} (id int primary key, x int)",
                f"alter table t{n} drop column x", f"drop table t{n}")
    put("select 'end', count(*), sum(n) from entries")


def run_script(cluster, endpoint, database, path):
    return run_client(client_command(
        cluster, "psql", endpoint, database,
        "-X", "-a", "-v", "ON_ERROR_STOP=1", "-f", path))


def test_script_of_ten_thousand_statements(cluster, endpoint, admin, database,
                                           tmp_path):
    """What psql prints is what it prints when it talks to the server."""
    path = tmp_path / "script.sql"
    with open(path, "w") as file:
        write_script(file, STATEMENTS)
    through = run_script(cluster, endpoint, database, path)
    admin.execute("drop table parent_a, parent_b, entries")
    straight = run_script(cluster, cluster, database, path)
    assert through.splitlines() == straight.splitlines()


# -- many sessions ----------------------------------------------------------

def test_idle_sessions_hold_no_buffer(endpoint, record_property):
    """Each has moved a megabyte before it falls idle."""
    def memory():
        return endpoint.rss() if isinstance(endpoint, Lockstep) else 0

    sessions = []
    try:
        before = memory()
        for _ in range(IDLE_SESSIONS):
            sessions.append(Wire(endpoint))
        for session in sessions:
            rows = wire.rows(session.query("select repeat('x', 1048576)"))
            assert len(rows[0][0]) == MIB
        per_session = (memory() - before) / IDLE_SESSIONS
        record_property("bytes_per_idle_session", round(per_session))
        print(f"{IDLE_SESSIONS} idle sessions: "
              f"{per_session / 1024:.1f} KiB each")
        assert SANITIZED or per_session < 64 * 1024
        for session in sessions[::50]:
            assert wire.rows(session.query("select 1")) == [("1",)]
    finally:
        for session in sessions:
            session.close()


# -- slow sides -------------------------------------------------------------

HUGE_RESULT = ("select repeat('x', 1000) "
               f"from generate_series(1, {2_000_000 // SMALLER})")


ROW_HEAD = 1 + 4 + 2 + 4  # type, length, columns, length of the first


def assert_others_go_on(endpoint, seconds=3):
    """Fresh and old sessions are served all the time."""
    end = time.monotonic() + seconds
    with Wire(endpoint) as old:
        while time.monotonic() < end:
            assert wire.rows(old.query("select 1")) == [("1",)]
            with Wire(endpoint) as fresh:
                assert wire.rows(fresh.query("select 2")) == [("2",)]


def wait_until_gone(admin, pid):
    """The server's process ends once its client has."""
    deadline = time.monotonic() + 60
    sql = "select count(*) from pg_stat_activity where pid = %s"
    while admin.execute(sql, (pid,)).fetchone()[0]:
        assert time.monotonic() < deadline, "the backend is still there"
        time.sleep(0.05)


def test_slow_reader_stalls_only_itself(endpoint, admin):
    """Four clients, more than there are workers, ask and do not read."""
    slow = [Wire(endpoint) for _ in range(4)]
    for session in slow:
        session.send(wire.query(HUGE_RESULT))
    assert_others_go_on(endpoint)
    for session in slow[1:]:
        session.vanish(reset=True)
    for session in slow[1:]:
        wait_until_gone(admin, session.pid)
    rows, size = count_rows(slow[0])
    assert rows == 2_000_000 // SMALLER
    assert size == rows * (ROW_HEAD + 1000)
    slow[0].close()


def count_rows(session, digest=None):
    """Read a result to its end without keeping it: rows, and their bytes.

    The digest gets what follows each row's head: its only value.
    """
    data = bytearray(session.unread)
    session.unread = b""
    session.socket.settimeout(HANG_BOUND_S)
    rows = size = 0
    while True:
        at = 0
        while len(data) - at >= 5:
            kind, length = struct.unpack_from("!cI", data, at)
            if len(data) - at < 1 + length:
                break
            assert kind in b"TDCZ", bytes(data[at:at + 200])
            if kind == b"D":
                rows += 1
                size += 1 + length
                if digest:
                    digest.update(data[at + ROW_HEAD:at + 1 + length])
            elif kind == b"Z":
                return rows, size
            at += 1 + length
        del data[:at]
        chunk = session.socket.recv(MIB)
        assert chunk, "the connection ended within the result"
        data += chunk


def send_until_it_stalls(session, data, quiet_s=1.0):
    """How many bytes go out before nobody takes any for that long."""
    sent = 0
    session.socket.settimeout(quiet_s)
    while sent < 512 * MIB:
        try:
            sent += session.socket.send(data)
        except TimeoutError:
            return sent
    return sent


def test_slow_server_stalls_only_its_client(cluster, endpoint, admin,
                                            database):
    """A backend that is stopped reads nothing of the COPY sent to it."""
    admin.execute("create unlogged table target (t text)")
    session = Wire(endpoint, database)
    session.send(wire.query("copy target from stdin"))
    assert session.read_until("G")[-1][0] == "G"
    line = wire.copy_data(b"x" * 8000 + b"\n")
    os.kill(session.pid, signal.SIGSTOP)
    try:
        sent = send_until_it_stalls(session, line * 8)
        assert sent < 256 * MIB, "somebody swallowed it all"
        assert_others_go_on(endpoint)
    finally:
        os.kill(session.pid, signal.SIGCONT)
    session.socket.settimeout(HANG_BOUND_S)
    rest = -sent % len(line)
    session.socket.sendall(line[len(line) - rest:] + wire.copy_done())
    assert wire.status(session.read_ready()) == "I"
    rows = admin.execute("select count(*) from target").fetchone()[0]
    assert rows == (sent + rest) // len(line)
    session.close()


# -- huge messages ----------------------------------------------------------

# A mebibyte in which no two places look alike; SQL makes the same.
PATTERN = "".join(hashlib.md5(str(i).encode()).hexdigest()
                  for i in range(1, MIB // 32 + 1)).encode()
PATTERN_SQL = ("(select string_agg(md5(i::text), '' order by i) "
               f"from generate_series(1, {MIB // 32}) i)")


def digest_of(size, algorithm):
    digest = hashlib.new(algorithm)
    for _ in range(size // MIB):
        digest.update(PATTERN)
    return digest.hexdigest()


def send_huge(session, kind, head, size, tail):
    """One message whose body is head, so much of PATTERN, tail."""
    length = 4 + len(head) + size + len(tail)
    session.socket.sendall(kind + struct.pack("!I", length) + head)
    for _ in range(size // MIB):
        session.socket.sendall(PATTERN)
    session.socket.sendall(tail)


def test_query_of_200_megabytes(endpoint):
    size = 200 // SMALLER * MIB
    with Wire(endpoint) as session:
        send_huge(session, b"Q", b"select md5('", size, b"')\0")
        assert wire.rows(session.read_ready(timeout_s=HANG_BOUND_S)) == [
            (digest_of(size, "md5"),)]


def test_parameter_of_500_megabytes(endpoint):
    size = 500 // SMALLER * MIB
    with Wire(endpoint) as session:
        session.send(wire.parse("select md5($1)", types=[25]))
        head = b"\0\0" + struct.pack("!HHI", 0, 1, size)
        send_huge(session, b"B", head, size, b"\0\0")
        session.send(wire.execute(), wire.sync())
        assert wire.rows(session.read_ready(timeout_s=HANG_BOUND_S)) == [
            (digest_of(size, "md5"),)]


def test_value_of_500_megabytes(endpoint):
    size = 500 // SMALLER * MIB
    digest = hashlib.sha256()
    with Wire(endpoint) as session:
        session.send(wire.query(
            f"select repeat({PATTERN_SQL}, {size // MIB})"))
        rows, bytes_read = count_rows(session, digest)
        assert rows == 1
        assert bytes_read == ROW_HEAD + size
        assert digest.hexdigest() == digest_of(size, "sha256")
