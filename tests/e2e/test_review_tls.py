"""What a review of TLS and authentication found, so that it stays mended."""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import struct
import tempfile
import threading
import time

import pytest

import pki
import program
import scram
import tls
import wire
from clients import PASSWORD
from fake_server import (GREETING, FakeServer, read_message, read_packet,
                         server_context, welcome)
from program import Bare, startup_packet
from renegotiation import Renegotiating
from scene import wait_gone
from test_tls_client_leg import is_root, settings
from test_tls_hostile import hello_of, read_to_end
from test_tls_reload import Files, reload, until
from tls_roles import RoleCluster, role
from wire import CLOSED, Wire, errors, query, sqlstates

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

USER = role("scram")
VERIFIER = scram.verifier(PASSWORD)
READY = wire.message("Z", b"I")
MEMORY_BOUND = 2 << 20


@pytest.fixture(scope="module")
def server(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


@pytest.fixture
def files(tmp_path):
    files = Files(tmp_path)
    files.certify(pki.shared().lockstep)
    files.write("users", f'"{USER}" "{VERIFIER}"\n')
    return files


def checking(files, **more):
    """The settings of a Lockstep that checks clients itself."""
    return {"auth": "scram", "auth_file": files.path("users"), **more}


def logged(lockstep, wanted):
    """The first such line of the log, which comes behind."""
    until(lambda: any(map(wanted, lockstep.events())), lockstep.tail())
    return next(filter(wanted, lockstep.events()))


# -- auth = scram: servers that say what they should not --------------------

def asks(code, data=b""):
    return wire.message("R", struct.pack("!I", code) + data)


# What a server can say: of the exchange, and of what the client has said.
WORDS = {
    "sasl": lambda side, heard: asks(scram.SASL, b"SCRAM-SHA-256\0\0"),
    "continue": lambda side, heard: asks(
        scram.SASL_CONTINUE, side.challenge(heard[0] if heard else b",,r=x")),
    "final": lambda side, heard: asks(
        scram.SASL_FINAL, side.signature(heard[1]) if heard[1:] else b"v="),
    "wrong": lambda side, heard: asks(scram.SASL_FINAL, b"v=" + b"A" * 43
                                      + b"="),
    "e=": lambda side, heard: asks(scram.SASL_FINAL, b"e=other-error"),
    "ok": lambda side, heard: asks(0),
    "ready": lambda side, heard: READY,
}


def says(steps, at_once=True):
    """A script: a login in these words; at ? it is the client's turn."""
    def script(connection, _server):
        read_packet(connection)
        side, heard = scram.Server(VERIFIER), []
        first, *others = steps.split(" ? ")
        for turn in first, *others:
            if turn is not first:
                heard.append(read_message(connection))
            words = [WORDS[word](side, heard) for word in turn.split()]
            for piece in [b"".join(words)] if at_once else words:
                connection.sendall(piece)
                time.sleep(0.02)
        while chunk := connection.recv(65536):
            connection.sendall(READY * chunk.count(b"Q\0"))

    return script


HONEST = "sasl ? continue ? final ok ready"

OUT_OF_STEP = {
    "SASLFinal twice": "sasl ? continue ? final final ok ready",
    "SASLFinal after the end": "sasl ? continue ? final ok final ready",
    "SASLContinue after the end": "sasl ? continue ? final continue ok ready",
    "SASLContinue twice": "sasl ? continue continue ? final ok ready",
    "SASLContinue twice, in turn": "sasl ? continue ? continue",
    "SASLContinue first": "continue",
    "SASLFinal first": "final ok ready",
    "SASLFinal instead of SASLContinue": "sasl ? final ok ready",
    "SASL twice": "sasl sasl ? continue ? final ok ready",
    "SASL amid": "sasl ? continue ? sasl",
    "SASL after the end": "sasl ? continue ? final sasl",
    "SASL after Ok": "sasl ? continue ? final ok sasl ready",
    "Ok for SASLContinue": "sasl ? ok ready",
    "Ok without SASLFinal": "sasl ? continue ? ok ready",
    "a wrong signature": "sasl ? continue ? wrong ok ready",
    "a signature, then a wrong one": "sasl ? continue ? final wrong ok ready",
    "an error of SCRAM's": "sasl ? continue ? e= ok ready",
    "an error of SCRAM's first": "sasl ? e= ok ready",
}


@pytest.mark.parametrize("at_once", [True, False],
                         ids=["at once", "one by one"])
@pytest.mark.parametrize("what", OUT_OF_STEP)
def test_a_server_out_of_step_ends_its_session(start_lockstep, files, what,
                                               at_once):
    """That one, and neither the process nor the session beside it."""
    with FakeServer(says(HONEST)) as fake:
        lockstep = start_lockstep(fake, {"sslmode": "disable"},
                                  **checking(files))
        with Bare(lockstep) as beside:
            assert wire.status(scram.log_in(beside, USER, scram.Client(
                PASSWORD))) == "I"
            fake.script = says(OUT_OF_STEP[what], at_once)
            with Bare(lockstep) as session:
                trace = scram.log_in(session, USER, scram.Client(PASSWORD))
            assert wire.status(beside.query("select 1")) == "I"
        assert trace[-1] is CLOSED and wire.status(trace) is None, trace
        assert [e["S"] for e in errors(trace)] == ["FATAL"]
        assert sqlstates(trace)[0] in ("28000", "57P03")
        assert lockstep.is_alive()


# -- renegotiation without end ----------------------------------------------

@pytest.mark.parametrize("when", ["before login", "after login"])
def test_who_asks_for_renegotiation_and_never_reads(
        start_lockstep, cluster, tmp_path, monkeypatch, when):
    """The refusals may not pile up: TLS answers each with an alert."""
    # Not what was freed, either, which AddressSanitizer keeps.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "")
                       + ":quarantine_size_mb=1")
    lockstep = start_lockstep(**settings("require"))
    with Wire(lockstep) as beside, Renegotiating(
            lockstep, tmp_path / "keys") as client:
        if when == "after login":
            assert wire.status(client.session.log_in()) == "I"
        client.ask(seconds=2)
        early = lockstep.rss()
        is_closed = client.ask(seconds=4)
        grown = lockstep.rss() - early
        assert grown < MEMORY_BOUND, f"{grown >> 20} MB in 4 s"
        assert is_closed
        if when == "after login":
            with cluster.connect() as admin:
                wait_gone(admin, client.session.pid)
        assert wire.rows(beside.query("select 6 * 7")) == [("42",)]


# -- sslmode=allow and prefer: the second try -------------------------------

REFUSAL = wire.message("E", b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry"
                       b"\0\0")
PART = b"p" + struct.pack("!I", 4 + 5000) + b"x"


def kinds(data):
    """The types of the messages in there; the last may be cut short."""
    found = ""
    while data:
        found += chr(data[0])
        data = data[1 + struct.unpack_from("!I", data.ljust(5, b"\0"), 1)[0]:]
    return found


def hear(stream, into, seconds):
    """What comes in this time."""
    stream.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        while chunk := stream.recv(65536):
            into += chunk


def refuses_once(refused):
    """A script: the first login is refused, once refused.wait() is over."""
    context = server_context(pki.shared().server)

    def script(connection, server):
        stream, _startup = welcome(connection, context)
        with stream:
            server.seen.append(bytearray())
            if len(server.seen) == 1:
                hear(stream, server.seen[0], 0.5)
                stream.sendall(REFUSAL)
                refused.set()
                return
            stream.sendall(GREETING)
            hear(stream, server.seen[1], 3)

    return script


@pytest.mark.parametrize("encrypted", [False, True],
                         ids=["in clear", "by TLS"])
@pytest.mark.parametrize("sslmode", ["allow", "prefer"])
def test_half_a_message_is_not_split_between_two_servers(
        start_lockstep, sslmode, encrypted):
    """The second one would take its rest for messages, which nobody judged."""
    refused = threading.Event()
    with FakeServer(refuses_once(refused)) as fake:
        lockstep = start_lockstep(fake, {"sslmode": sslmode},
                                  **settings("prefer"))
        with Bare(lockstep, encryption=encrypted) as session:
            session.send(startup_packet(), PART)
            assert refused.wait(wire.HANG_BOUND_S)
            with contextlib.suppress(OSError):
                for _ in range(5):
                    session.send(query("select 'smuggled'"))
                    time.sleep(0.05)
            # Let in, or refused in words.
            trace = session.read_until("ZE")
            assert trace[-1][0] in ("Z", "E"), trace
            until(lambda: len(fake.seen) == 2 or trace[-1][0] == "E")
        # Before it is asked for, nobody hears of it; the second server may,
        # as of one message with all behind it in its body.
        assert fake.seen[0] == b""
        assert all(kinds(heard) in ("", "p") for heard in fake.seen), fake.seen


def test_half_a_message_and_a_real_server(start_lockstep, server):
    """It would run them: past every guard."""
    user = role("clear_only")
    lockstep = start_lockstep(server, {"sslmode": "prefer"})
    mark = server.log_mark()
    with server.connect() as admin, trusted(server, admin, user), Bare(
            lockstep) as session:
        session.send(startup_packet(user=user, database="postgres"), PART)
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            session.send(query("create table smuggled()"))
        session.is_silent(1)
        assert admin.execute("select to_regclass('smuggled')").fetchone() == (
            None,)
    assert "smuggled" not in server.log(mark).replace("to_regclass('smuggled",
                                                      "")


@contextlib.contextmanager
def trusted(server, admin, user):
    """Meanwhile the server asks this one, in clear, for no password."""
    hba = pathlib.Path(server.data, "pg_hba.conf")
    rules = hba.read_text()
    hba.write_text(f"hostnossl all {user} all trust\n"
                   f"hostssl all {user} all reject\n{rules}")
    admin.execute("select pg_reload_conf()")
    # The postmaster reads it when it comes to it.
    until(lambda: can_log_in(server, user))
    try:
        yield
    finally:
        hba.write_text(rules)
        admin.execute("select pg_reload_conf()")
        until(lambda: not can_log_in(server, user))


def can_log_in(server, user):
    with Bare(server, encryption=False) as session:
        session.send(startup_packet(user=user, database="postgres"))
        return session.read()[1] == (0,)


ANOTHER_PROTOCOL = {"_pq_.x": "1"}  # nobody knows it: NegotiateProtocolVersion


@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("sslmode, method", [("prefer", "clear_only"),
                                             ("allow", "tls_only")])
def test_the_second_try_comes_though_versions_were_negotiated(
        start_lockstep, server, sslmode, method, by):
    lockstep = start_lockstep(server, {"sslmode": sslmode})
    packet = startup_packet(user=role(method), database="postgres",
                            **ANOTHER_PROTOCOL)
    with Bare(lockstep) as session:
        session.send(packet, by=by)
        trace = session.read_until("RE")
        assert [kind for kind, _fields in trace] == ["v", "R"], trace
        client = scram.Client(PASSWORD)
        assert wire.status(scram.exchange(session, client)) == "I"
        assert wire.rows(session.query("select 6 * 7")) == [("42",)]


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer", "require"])
def test_who_is_refused_both_ways_is_told_once(start_lockstep, server,
                                               sslmode):
    lockstep = start_lockstep(server, {"sslmode": sslmode})
    with Bare(lockstep) as session:
        session.send(startup_packet(user="m_nobody", database="postgres",
                                    **ANOTHER_PROTOCOL))
        trace = session.read_all()
    assert [kind for kind, _fields in trace] == ["v", "E", "closed"], trace
    assert sqlstates(trace) == ["28000"]


# -- replication ------------------------------------------------------------

replicating = pytest.mark.parametrize("replication",
                                      ["false", "database", "true"])


@replicating
def test_replication_clients_log_in(start_lockstep, server, files,
                                    replication):
    files.write("users", server.verifiers("scram"))
    for more in {}, checking(files):
        lockstep = start_lockstep(server, {"sslmode": "require"},
                                  **settings("prefer"), **more)
        with Bare(lockstep) as session:
            trace = scram.log_in(session, USER, scram.Client(PASSWORD),
                                 replication=replication)
            assert wire.status(trace) == "I"
            if replication != "false":
                answer = session.query("IDENTIFY_SYSTEM")
                assert len(wire.rows(answer)) == 1


@replicating
def test_replication_clients_are_told_that_binding_cannot_pass(
        start_lockstep, server, replication):
    lockstep = start_lockstep(server, {"sslmode": "require"},
                              **settings("prefer"))
    with Bare(lockstep) as session:
        trace = scram.log_in(session, USER, scram.Client.bound(
            PASSWORD, session), replication=replication)
    error = errors(trace)[0]
    assert (error["S"], error["C"]) == ("FATAL", "28000")
    assert "channel_binding=disable" in error["H"]
    assert trace[-1] is CLOSED


# The verifier of the file, and a word of what is said if it is not the
# server's.
STALE = {
    "another salt": (lambda: scram.verifier(PASSWORD), "auth_file"),
    "other iterations": (lambda: scram.verifier(PASSWORD, 5000), "auth_file"),
}


@replicating
@pytest.mark.parametrize("stale", STALE)
def test_replication_clients_are_told_of_a_stale_verifier(
        start_lockstep, server, files, replication, stale):
    verifier, word = STALE[stale]
    files.write("users", f'"{USER}" "{verifier()}"\n')
    lockstep = start_lockstep(server, {"sslmode": "require"},
                              **checking(files))
    with Bare(lockstep) as session:
        trace = scram.log_in(session, USER, scram.Client(PASSWORD),
                             replication=replication)
    error = errors(trace)[0]
    assert (error["S"], error["C"]) == ("FATAL", "28000")
    assert word in error["D"] and "SIGHUP" in error["H"]
    assert trace[-1] is CLOSED


@replicating
def test_replication_clients_are_told_the_servers_refusal(
        start_lockstep, server, replication):
    lockstep = start_lockstep(server, {"sslmode": "require"})
    packet = startup_packet(user="m_nobody", database="postgres",
                            replication=replication)
    traces = []
    for endpoint, encrypted in (server, True), (lockstep, False):
        with Bare(endpoint, encryption=encrypted) as session:
            session.send(packet)
            traces.append(errors(session.read_all()))
    assert traces[1] == traces[0] and traces[0]


# -- roles that do not exist ------------------------------------------------

def challenge(lockstep, user):
    """(salt, iterations) that this user is asked for."""
    with Bare(lockstep) as session:
        scram.mechanisms(session, user)
        session.send(scram.Client("any").initial())
        code, data = scram.authentication(session)
        assert code == scram.SASL_CONTINUE, data
    fields = dict(part.split("=", 1) for part in data.decode().split(","))
    return fields["s"], fields["i"]


def test_unknown_roles_salts_outlive_a_restart(start_lockstep, server, files):
    """Or whose salt changes would be known not to exist."""
    found = {**settings("prefer"), **files.listener(), **checking(files)}
    lockstep = start_lockstep(server, **found)
    salts = {user: challenge(lockstep, user) for user in ("m_no", "m_none")}
    assert salts["m_no"] != salts["m_none"]
    beside = start_lockstep(server, **found)
    lockstep.stop()
    for other in beside, start_lockstep(server, **found):
        for user, salt in salts.items():
            assert challenge(other, user) == salt
    files.certify(pki.shared().server)
    another = start_lockstep(server, **found)
    for user, salt in salts.items():
        assert challenge(another, user) != salt


@pytest.mark.parametrize("mode", ["disable", "prefer"])
def test_unknown_roles_salts_outlive_a_reload(start_lockstep, server, files,
                                              mode):
    lockstep = start_lockstep(server, **settings(mode), **checking(files))
    salt, iterations = challenge(lockstep, "m_no")
    assert iterations == "4096"
    files.write("users", f'"m_more" "{scram.verifier("x", 10000)}"\n')
    reload(lockstep)
    until(lambda: challenge(lockstep, "m_more")[1] == "10000")
    assert challenge(lockstep, "m_no") == (salt, "10000")


# Of a file's verifiers: those of unknown roles.
ITERATIONS = [([], "4096"), ([4096], "4096"), ([20000], "20000"),
              ([4096, 20000, 20000], "20000"),
              ([20000, 4096, 20000, 4096, 20000], "20000")]


@pytest.mark.parametrize("those, expected", ITERATIONS, ids=str)
def test_unknown_roles_iterations_are_the_files(start_lockstep, server, files,
                                                those, expected):
    files.write("users", "".join(
        f'"m_{i}" "{scram.verifier("x", one)}"\n'
        for i, one in enumerate(those)))
    lockstep = start_lockstep(server, **checking(files))
    assert challenge(lockstep, "m_no")[1] == expected
    for i, one in enumerate(those):
        assert challenge(lockstep, f"m_{i}")[1] == str(one)


# -- files that root is asked to check --------------------------------------

needs_root = pytest.mark.skipif(not is_root(), reason="only root checks "
                                "what others are to read")

# owner, group, mode, whether it is good
OWNED = [("postgres", "postgres", 0o600, True),
         ("postgres", "postgres", 0o400, True),
         ("postgres", "postgres", 0o640, False),
         ("postgres", "postgres", 0o644, False),
         ("root", "postgres", 0o600, True), ("root", "postgres", 0o640, True),
         ("root", "postgres", 0o660, False),
         ("root", "postgres", 0o644, False),
         ("root", "root", 0o604, False)]


@needs_root
@pytest.mark.parametrize("what", ["tls_key", "auth_file", "sslkey"])
@pytest.mark.parametrize("owner, group, mode, is_good", OWNED,
                         ids=lambda value: oct(value)
                         if isinstance(value, int) and value > 1
                         else str(value))
def test_root_checks_files_of_others(tmp_path, files, what, owner, group,
                                     mode, is_good):
    path = files.path("users" if what == "auth_file" else "key")
    os.chmod(path, mode)
    shutil.chown(path, owner, group)
    lines = {"upstream": "host=127.0.0.1 port=1"}
    if what == "tls_key":
        lines |= {"tls_mode": "require", **files.listener()}
    elif what == "auth_file":
        lines |= checking(files)
    else:
        lines["upstream"] += (f" sslmode=require sslkey={path} "
                              f"sslcert={files.path('cert')}")
    config = tmp_path / "lockstep.conf"
    config.write_text("".join(f"{name} = {value}\n"
                              for name, value in lines.items()))
    done = program.run("check", "-c", str(config))
    assert (done.returncode == 0) == is_good, done.stderr
    if not is_good:
        assert path in done.stderr and "permission" in done.stderr


@needs_root
def test_another_user_may_not_use_a_file_that_is_not_his():
    """What only root may overlook."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        owner = pwd.getpwnam("nobody").pw_name
        users = os.path.join(folder, "users")
        pathlib.Path(users).write_text("")
        shutil.chown(users, owner, "postgres")
        config = os.path.join(folder, "lockstep.conf")
        pathlib.Path(config).write_text(
            f"upstream = host=127.0.0.1\nauth = scram\nauth_file = {users}\n")
        os.chmod(users, 0o640)
        done = program.run_as("postgres", folder, "check", "-c", config)
        assert done.returncode == 1 and "owned" in done.stderr, done.stderr


# -- upstream resumption ----------------------------------------------------

def resumed(lockstep):
    """For each connection to the server: yes or no."""
    return [event["resumed"] for event in lockstep.events()
            if event["message"] == "TLS with the server"]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("how", ["terminated", "reset"])
def test_resumption_outlives_a_lost_session(start_lockstep, server, how,
                                            version):
    """PostgreSQL gives no tickets: another Lockstep does, in front of it."""
    outer = start_lockstep(server, **settings("require"))
    lockstep = start_lockstep(
        outer, {"sslmode": "require", "ssl_max_protocol_version": version},
        log_level="debug")
    with server.connect() as admin:
        for lost in range(1, 5):
            with Bare(lockstep) as session:
                assert wire.status(session.log_in()) == "I"
                assert wire.rows(session.query("select 1")) == [("1",)]
                if how == "terminated":
                    admin.execute("select pg_terminate_backend(%s)",
                                  [session.pid])
                    assert sqlstates(session.read_all()) == ["57P01"]
                else:
                    session.vanish(reset=True)
            until(lambda n=lost: len(resumed(lockstep)) == n)
    assert resumed(lockstep) == ["no", "yes", "yes", "yes"]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_resumption_outlives_a_server_that_hangs_up(start_lockstep, version):
    """With no word of TLS's; only a fault of TLS must end it (RFC 5246)."""
    context = server_context(pki.shared().server)

    def script(connection, _server):
        stream, _startup = welcome(connection, context)
        with stream:
            stream.sendall(GREETING)
            stream.recv(65536)

    with FakeServer(script) as fake:
        lockstep = start_lockstep(
            fake, {"sslmode": "require", "ssl_max_protocol_version": version},
            log_level="debug")
        for _ in range(4):
            with Bare(lockstep) as session:
                assert wire.status(session.log_in()) == "I"
                session.send(query("select 1"))
                assert sqlstates(session.read_all()) == ["08006"]
        until(lambda: len(resumed(lockstep)) == 4)
    assert resumed(lockstep) == ["no", "yes", "yes", "yes"]


# -- what the log says of those who did not come in -------------------------

def wrong_password(lockstep):
    session = Bare(lockstep)
    scram.log_in(session, USER, scram.Client("wrong"))
    return session


def no_login(lockstep, *packets, encryption=None):
    session = Bare(lockstep, encryption=encryption)
    session.send(*packets)
    session.read_all()
    return session


REFUSED = {
    "a wrong password": ("password-refused", wrong_password),
    "an unknown protocol": ("unsupported-protocol", lambda l: no_login(
        l, startup_packet(version=2 << 16))),
    "no TLS": ("tls-required", lambda l: no_login(
        l, startup_packet(), encryption=False)),
    "a packet that is none": ("startup-none", lambda l: no_login(
        l, b"\0\0\0\5x")),
}


@pytest.mark.parametrize("what", REFUSED)
def test_who_was_refused_is_logged_with_the_address(start_lockstep, server,
                                                    files, what):
    """fail2ban and its like need it."""
    reason, come = REFUSED[what]
    lockstep = start_lockstep(server, **settings("require"),
                              **checking(files))
    with come(lockstep) as session:
        host, port = session.socket.getsockname()
        line = logged(lockstep, lambda e: e.get("reason") == reason)
        assert line["level"] == "warn", line
        assert line["client"] == f"{host} port {port}"


@pytest.mark.parametrize("user, why", [
    (USER, "not the password that auth_file has"),
    ("nobody_knows_me", "the role is not in auth_file")])
def test_the_log_alone_tells_why_a_password_was_refused(
        start_lockstep, server, files, user, why):
    lockstep = start_lockstep(server, **settings("require"),
                              **checking(files))
    with Bare(lockstep) as session:
        (error,) = wire.errors(
            scram.log_in(session, user, scram.Client("wrong")))
        assert error["C"] == "28P01"
        assert error["M"] == (
            f'password authentication failed for user "{user}"')
        assert "auth_file" not in str(error)
        line = logged(lockstep,
                      lambda e: e.get("reason") == "password-refused")
        assert line["detail"] == why


def test_a_certificate_of_nobodys_is_logged_with_the_address(start_lockstep,
                                                             server):
    lockstep = start_lockstep(server, **settings("verify-full"))
    context = tls.context(certificate=pki.shared().client("somebody"))
    with Bare(lockstep, encryption=context) as session:
        assert sqlstates(session.log_in()) == ["28000"]
        host, port = session.socket.getsockname()
        line = logged(lockstep, lambda e: "certificate" in str(
            e.get("reason")))
        assert line["client"] == f"{host} port {port}"


@pytest.mark.parametrize("size", [0, 1, 50, None], ids=[
    "nothing said", "a byte", "a part", "a hello"])
def test_who_just_leaves_amid_the_handshake_is_no_warning(start_lockstep,
                                                          size):
    lockstep = start_lockstep(log_level="debug", **settings("require"))
    with program.connect(lockstep) as raw:
        address = "{} port {}".format(*raw.getsockname())
        assert tls.ask(raw) == b"S"
        raw.sendall(hello_of()[:size])
        raw.shutdown(socket.SHUT_WR)
        read_to_end(raw)
        line = logged(lockstep, lambda e: e["message"] == "session closed"
                      and e.get("client") == address)
    assert line["level"] == "debug", line


def test_who_says_nonsense_amid_the_handshake_is_one(start_lockstep):
    lockstep = start_lockstep(**settings("require"))
    with program.connect(lockstep) as raw:
        host, port = raw.getsockname()
        assert tls.ask(raw) == b"S"
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        line = logged(lockstep, lambda e: e.get("reason") == "tls-failed")
        assert line["level"] == "warn"
        assert line["client"] == f"{host} port {port}"
