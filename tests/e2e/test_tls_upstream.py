"""TLS between Lockstep and the server, in libpq's words and meanings."""

import os
import ssl
import time
from types import SimpleNamespace

import psycopg
import pytest

import clients
import pki
import program
import wire
from fake_server import FakeServer, read_packet, tls_server
from program import Bare
from scene import wait_asleep
from tap import Tap
from tls_roles import RoleCluster, role
from wire import CLOSED, Wire, errors, query, sqlstates

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

CANCEL = rb"(\x04\xd2\x16\x2e)"
VERIFYING = ["verify-ca", "verify-full"]


@pytest.fixture(scope="module")
def server(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def clear_server(cluster):
    """One that has no TLS."""
    return cluster


@pytest.fixture
def certified(server):
    """server.certify for one test."""
    yield server.certify
    server.certify(pki.shared().server)


def options(sslmode, **more):
    return {"sslmode": sslmode, "sslrootcert": pki.shared().root.file, **more}


@pytest.fixture
def dial(start_lockstep, server):
    """A Lockstep that dials the server so; the client's leg is in clear."""
    def start(sslmode="verify-full", upstream=None, **more):
        return start_lockstep(upstream or server, options(sslmode, **more))

    return start


def log_in(lockstep, user="postgres"):
    with Bare(lockstep) as session:
        return session.log_in(user=user, database="postgres")


def refusal(lockstep, user="postgres"):
    """The one FATAL that there is instead of a session, message and detail."""
    trace = log_in(lockstep, user)
    assert [kind for kind, _fields in trace] == ["E", "closed"], trace
    error = errors(trace)[0]
    assert error["S"] == "FATAL"
    return error["C"], f"{error['M']}\n{error.get('D', '')}", error


def assert_unreachable(lockstep, server, reason):
    code, text, error = refusal(lockstep)
    assert code == "57P03"
    assert "D" in error and reason in error["D"], text
    assert server.host in error["D"] and str(server.port) in error["D"]


def encrypted(lockstep, user="postgres"):
    """Whether the server's leg is, in a session that works."""
    with Wire(lockstep, user=user) as session:
        assert sqlstates(session.greeting) == []
        return wire.rows(session.query(clients.ENCRYPTED)) == [("t",)]


def assert_serves(session):
    assert wire.rows(session.query("select 6 * 7")) == [("42",)]


# -- certificates that are no good ------------------------------------------

# what: the reason, in libpq's or OpenSSL's words
BAD = {
    "expired": "certificate has expired",
    "strangers": "unable to get local issuer certificate",
    "revoked": "certificate revoked",
    "wrong_name": 'server certificate for "db.elsewhere.example" (and 1 other '
                  'name) does not match host name "127.0.0.1"',
}


@pytest.mark.parametrize("sslmode", VERIFYING)
@pytest.mark.parametrize("what", BAD)
def test_bad_server_certificate_is_refused(dial, server, certified, what,
                                           sslmode):
    bad = getattr(pki.shared(), what)
    lockstep = dial(sslmode, sslcrl=pki.shared().root.crl())
    with Wire(lockstep) as other:
        certified(bad)
        if what == "wrong_name" and sslmode == "verify-ca":
            assert encrypted(lockstep)
        else:
            assert_unreachable(lockstep, server, BAD[what])
        assert_serves(other)
        certified(pki.shared().server)
        assert encrypted(lockstep)


@pytest.mark.parametrize("what", BAD)
def test_without_verification_any_certificate_will_do(start_lockstep, server,
                                                      certified, what):
    certified(getattr(pki.shared(), what))
    for sslmode in "prefer", "require":
        assert encrypted(start_lockstep(server, {"sslmode": sslmode}))


@pytest.mark.parametrize("sslmode, seen", [
    ("disable", "clear"), ("allow", "clear"), ("prefer", "clear"),
    ("require", "refused")])
def test_a_root_certificate_is_heeded_in_every_mode(dial, server, certified,
                                                    sslmode, seen):
    """libpq verifies once it has one; prefer then goes on in clear."""
    certified(pki.shared().strangers)
    lockstep = dial(sslmode)
    if seen == "refused":
        assert_unreachable(lockstep, server, BAD["strangers"])
        return
    assert not encrypted(lockstep)
    lockstep.stop()
    warned = [event["detail"] for event in lockstep.events()
              if event["message"].startswith("the server is used in clear")]
    if sslmode == "prefer":  # where TLS was meant, and nobody may know
        assert len(warned) == 1 and BAD["strangers"] in warned[0]
    else:
        assert warned == []


# names and CN of the certificate, host, whether verify-full likes it
NAMES = [
    (["DNS:db.shop.example"], "x", "db.shop.example", True),
    (["DNS:db.shop.example"], "x", "DB.Shop.example", True),
    (["DNS:db.shop.example"], "x", "db.shop.example.org", False),
    (["DNS:db.shop.example"], "other.example", "other.example", False),
    (["DNS:*.shop.example"], "x", "db.shop.example", True),
    (["DNS:*.shop.example"], "x", "shop.example", False),
    (["DNS:*.shop.example"], "x", "a.db.shop.example", False),
    (["DNS:d*.shop.example"], "x", "db.shop.example", False),
    (["DNS:*.example"], "x", "shop.example", True),
    ([], "db.shop.example", "db.shop.example", True),
    ([], "*.shop.example", "db.shop.example", True),
    ([], "other.example", "db.shop.example", False),
    ([], "127.0.0.1", "127.0.0.1", True),
    (["IP:127.0.0.1"], "x", "127.0.0.1", True),
    (["IP:127.0.0.2"], "127.0.0.1", "127.0.0.1", False),
    (["IP:127.0.0.2", "IP:127.0.0.1"], "x", "127.0.0.1", True),
    (["DNS:127.0.0.1"], "x", "127.0.0.1", True),
    (["IP:127.0.0.2"], "db.shop.example", "db.shop.example", True),
    (["email:a@b.example"], "db.shop.example", "db.shop.example", True),
]


def libpq_accepts(server, host):
    try:
        clients.libpq_connect(
            host=host, hostaddr=server.host, port=server.port,
            user="postgres", dbname="postgres",
            **options("verify-full")).close()
        return True
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize("names, subject, host, is_good", NAMES,
                         ids=lambda value: str(value))
def test_names_are_compared_as_libpq_does(dial, server, certified, names,
                                          subject, host, is_good):
    certified(pki.shared().root.issue("named", subject, names))
    assert libpq_accepts(server, host) == is_good
    upstream = SimpleNamespace(host=host, port=server.port)
    trace = log_in(dial(upstream=upstream, hostaddr=server.host))
    if is_good:
        assert sqlstates(trace) == []
    else:
        assert "does not match host name" in errors(trace)[0]["D"]


# -- who has no TLS, or no rule for it --------------------------------------

@pytest.mark.parametrize("sslmode", ["require", *VERIFYING])
def test_server_without_tls_is_refused(dial, clear_server, sslmode):
    assert_unreachable(dial(sslmode, clear_server), clear_server,
                       "server does not support SSL, but SSL was required")


@pytest.mark.parametrize("sslmode", ["disable", "allow", "prefer"])
def test_server_without_tls_will_do(dial, clear_server, sslmode):
    assert not encrypted(dial(sslmode, clear_server))


# sslmode: what becomes of who must, and of who must not come by TLS
RULES = {"disable": ("refused", "clear"), "allow": ("tls", "clear"),
         "prefer": ("tls", "clear"), "require": ("tls", "refused"),
         "verify-ca": ("tls", "refused"), "verify-full": ("tls", "refused")}


@pytest.mark.parametrize("sslmode", RULES)
def test_what_the_servers_rules_want_is_tried(dial, sslmode):
    """allow and prefer try the other way when the server refuses one."""
    lockstep = dial(sslmode)
    for kind, expected in zip(("tls_only", "clear_only"), RULES[sslmode]):
        attempt = clients.Attempt(lockstep, role(kind), "disable")
        seen = clients.psycopg_client(attempt)
        assert seen == ("no rule" if expected == "refused"
                        else f"clear>{expected}"), kind


def test_a_unix_socket_is_never_encrypted(dial, server):
    local = SimpleNamespace(host=server.socket_dir, port=server.port)
    assert not encrypted(dial("prefer", local))


# -- certificates that Lockstep shows ---------------------------------------

def own(what="good", **more):
    made = pki.shared().client(role("cert"), what, **more)
    return {"sslcert": made.cert, "sslkey": made.key}


def test_own_certificate_logs_in(dial):
    assert encrypted(dial(**own()), role("cert"))


@pytest.fixture(scope="module")
def strict_server(request):
    """It knows what the root has revoked."""
    pki.shared().client(role("cert"), "revoked")
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        path = os.path.join(cluster.folder, "crl.pem")
        pki.install(pki.shared().root.crl(), path, cluster.user)
        with cluster.connect() as admin:
            admin.execute(f"alter system set ssl_crl_file = '{path}'")
            admin.execute("select pg_reload_conf()")
        yield cluster


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("what, reason", [
    ("expired", "expired"), ("revoked", "revoked"),
    ("strangers", "unknown ca")])
def test_server_refuses_a_bad_certificate_of_ours(dial, strict_server, what,
                                                  reason, version):
    lockstep = dial(upstream=strict_server, ssl_max_protocol_version=version,
                    **own(what))
    assert_unreachable(lockstep, strict_server, reason)


def test_server_that_wants_a_certificate_says_so_itself(dial):
    code, text, _error = refusal(dial(), role("cert"))
    assert code == "28000" and "certificate" in text


def check(**found):
    conninfo = " ".join(f"{name}={value}" for name, value in
                        {"host": "localhost", "port": 1, **found}.items())
    return program.run("serve", "--upstream", conninfo)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660], ids=oct)
def test_own_key_that_others_can_read_is_refused(tmp_path, mode):
    key = tmp_path / "client.key"
    pki.install(own()["sslkey"], str(key))
    key.chmod(mode)
    done = check(**{**own(), "sslkey": key})
    assert done.returncode == 1
    assert str(key) in done.stderr and "permission" in done.stderr


def test_encrypted_key_and_its_password(dial):
    locked = own(password="k3y-pass")
    assert encrypted(dial(sslpassword="k3y-pass", **locked), role("cert"))


@pytest.mark.parametrize("password", [None, "wr0ng-pass"])
def test_encrypted_key_without_its_password(password):
    more = {"sslpassword": password} if password else {}
    locked = own(password="k3y-pass")
    done = check(**locked, **more)
    assert done.returncode == 1 and locked["sslkey"] in done.stderr
    assert "k3y" not in done.stderr and "wr0ng" not in done.stderr


# What cannot be meant: a word of what is said
MISTAKES = {
    "mode": ({"sslmode": "always"}, "sslmode"),
    "no root": ({"sslmode": "verify-full"}, "sslrootcert"),
    "root that is not there": (
        {"sslmode": "verify-ca", "sslrootcert": "/none.pem"}, "/none.pem"),
    "certificate without key": (
        {"sslcert": "/dev/null"}, "sslkey"),
    "direct, but not required": (
        {"sslmode": "prefer", "sslnegotiation": "direct"}, "sslnegotiation"),
    "negotiation": ({"sslnegotiation": "never"}, "sslnegotiation"),
    "system's, but not verified": (
        {"sslmode": "require", "sslrootcert": "system"}, "verify-full"),
    "version": ({"ssl_min_protocol_version": "SSLv3"},
                "ssl_min_protocol_version"),
    "versions": ({"ssl_min_protocol_version": "TLSv1.3",
                  "ssl_max_protocol_version": "TLSv1.2"}, "version"),
    "binding": ({"channel_binding": "maybe"}, "channel_binding"),
    "sni": ({"sslsni": "2"}, "sslsni"),
    "crl that is not there": (
        {"sslmode": "verify-ca", "sslrootcert": lambda: pki.shared().root.file,
         "sslcrl": "/none.crl"}, "/none.crl"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_work_is_told_at_start(mistake):
    found, word = MISTAKES[mistake]
    done = check(**{name: value() if callable(value) else value
                    for name, value in found.items()})
    assert done.returncode == 1
    assert word in done.stderr, done.stderr


# -- the other keywords -----------------------------------------------------

def test_revocation_lists_of_a_folder(dial, server, certified, tmp_path):
    revoked = pki.shared().revoked
    pki.install(pki.shared().root.crl(), str(tmp_path / "root.crl"))
    pki.openssl("rehash", str(tmp_path))
    lockstep = dial(sslcrldir=str(tmp_path))
    assert encrypted(lockstep)
    certified(revoked)
    assert_unreachable(lockstep, server, BAD["revoked"])


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_versions_are_obeyed(dial, version):
    lockstep = dial(ssl_min_protocol_version=version,
                    ssl_max_protocol_version=version)
    with Wire(lockstep) as session:
        assert wire.rows(session.query(
            "select version from pg_stat_ssl where pid = pg_backend_pid()"
        )) == [(version,)]


def test_server_that_is_too_old_is_refused(dial, server):
    with FakeServer(tls_server(pki.shared().server,
                               maximum=ssl.TLSVersion.TLSv1_2)) as old:
        lockstep = dial(upstream=old, ssl_min_protocol_version="TLSv1.3")
        assert_unreachable(lockstep, old, "version")


def test_the_systems_authorities_mean_verify_full(start_lockstep, server,
                                                  certified, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", pki.shared().root.file)
    lockstep = start_lockstep(server, {"sslrootcert": "system"})
    assert encrypted(lockstep)
    certified(pki.shared().wrong_name)
    assert_unreachable(lockstep, server, BAD["wrong_name"])


def test_the_systems_authorities(start_lockstep, server, monkeypatch):
    system = {"sslmode": "verify-full", "sslrootcert": "system"}
    assert_unreachable(start_lockstep(server, system), server,
                       "certificate verify failed")
    monkeypatch.setenv("SSL_CERT_FILE", pki.shared().root.file)
    assert encrypted(start_lockstep(server, system))


@pytest.mark.parametrize("host, more, seen", [
    ("localhost", {}, "localhost"), ("localhost", {"sslsni": "1"},
                                     "localhost"),
    ("localhost", {"sslsni": "0"}, None), ("127.0.0.1", {}, None)])
def test_the_server_is_told_its_name(dial, host, more, seen):
    with FakeServer(tls_server(pki.shared().server)) as fake:
        place = SimpleNamespace(host=host, port=fake.port)
        assert sqlstates(log_in(dial(upstream=place, **more))) == []
        assert [one["name"] for one in fake.seen] == [seen]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_sessions_are_resumed(dial, version):
    with FakeServer(tls_server(pki.shared().server)) as fake:
        lockstep = dial(upstream=fake, ssl_max_protocol_version=version)
        for _ in range(4):
            with Bare(lockstep) as session:
                assert wire.status(session.log_in()) == "I"
                session.query("select 1")
        resumed = [one["is_resumed"] for one in fake.seen]
        assert not resumed[0] and any(resumed[1:]), resumed


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_direct_negotiation(dial, start_lockstep, server, sslmode):
    """With another Lockstep for a server that understands it."""
    own_ = pki.shared().lockstep
    outer = start_lockstep(server, options("verify-full"), tls_mode="require",
                           tls_cert=own_.cert, tls_key=own_.key)
    with Tap(outer) as tap:
        lockstep = dial(sslmode, tap, sslnegotiation="direct")
        assert encrypted(lockstep)
        with Wire(lockstep) as session:
            session.send(query("select pg_sleep(60)"))
            wait_asleep(server, session)
            wire.cancel(lockstep, session)
            assert sqlstates(session.read_ready()) == ["57014"]
    said = [piece for piece in tap.heard if piece]
    assert said[0].startswith(b"\x16\x03")
    assert tap.found(b"(\x04\xd2\x16\x2f)") == []  # no SSLRequest
    assert tap.found(CANCEL) == []


def test_direct_negotiation_with_the_server_itself(dial, server):
    """PostgreSQL learnt it with version 17."""
    with server.connect() as admin, Tap(server) as tap:
        lockstep = dial(upstream=tap, sslnegotiation="direct")
        if admin.info.server_version < 170000:
            code, text, _error = refusal(lockstep)
            assert code == "57P03", text
            return
        assert encrypted(lockstep)
        assert tap.heard[0].startswith(b"\x16\x03")


def test_direct_negotiation_needs_alpn(dial):
    with FakeServer(tls_server(pki.shared().server, alpn=None)) as fake:
        assert_unreachable(dial(upstream=fake, sslnegotiation="direct"), fake,
                           "ALPN")


# -- servers that answer SSLRequest as none should --------------------------

def say(data, then_waits=False):
    """A script that answers so, whatever is asked."""
    def script(connection, server):
        server.seen.append(read_packet(connection))
        connection.sendall(data)
        if then_waits:
            while chunk := connection.recv(65536):
                server.seen.append(chunk)

    return script


ODD = {
    # CVE-2021-23222: what comes in clear must not be taken for TLS's.
    "bytes behind S": b"S" + wire.message("R", bytes(4)),
    "one byte behind S": b"Sx",
    "an error": wire.message("E", b"SFATAL\0C0A000\0Mno such thing\0\0"),
    "neither": b"X",
    "nothing": b"",
    "S and no TLS": b"S" + b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_to_ssl_request(dial, server, odd):
    """Told as what they are, with no secret said to such a one."""
    with FakeServer(say(ODD[odd])) as fake:
        lockstep = dial(upstream=fake)
        code, text, _error = refusal(lockstep)
        assert code == "57P03" and str(fake.port) in text
        assert all(b"user\0" not in piece for piece in fake.seen)
        if "behind S" in odd:
            assert "received unencrypted data after SSL response" in text


def test_server_that_never_answers_ssl_request(start_lockstep, server):
    def script(connection, fake):
        fake.seen.append(connection.recv(65536))
        while connection.recv(65536):
            pass

    with FakeServer(script) as silent:
        lockstep = start_lockstep(silent, options("require"),
                                  connect_timeout="1s")
        begun = time.monotonic()
        code, text, _error = refusal(lockstep)
        assert code == "57P03" and time.monotonic() - begun < 20


# -- cancel -----------------------------------------------------------------

@pytest.mark.parametrize("sslmode", ["verify-full", "disable"])
def test_cancels_go_by_tls_where_the_session_does(dial, server, sslmode):
    with Tap(server) as tap:
        lockstep = dial(sslmode, tap)
        with Wire(lockstep) as session:
            for _ in range(3):
                session.send(query("select pg_sleep(60)"))
                wait_asleep(server, session)
                wire.cancel(lockstep, session)
                assert sqlstates(session.read_ready()) == ["57014"]
        assert bool(tap.found(CANCEL)) == (sslmode == "disable")
        assert bool(tap.found(rb"(pg_sleep)")) == (sslmode == "disable")


def test_cancel_of_a_held_drop(dial, server):
    lockstep = dial()
    with server.connect() as admin, server.connect(
            autocommit=False) as holder, Wire(lockstep) as session:
        admin.execute("drop table if exists c, a; create table a(id int "
                      "primary key); create table c(a int references a)")
        holder.execute("table a")
        session.send(query("drop table c"))
        assert session.is_silent(0.7)
        wire.cancel(lockstep, session)
        assert sqlstates(session.read_ready()) == ["57014"]
        session.send(query("drop table c"))
        assert session.is_silent(0.3)
        holder.rollback()
        assert sqlstates(session.read_ready()) == []


def test_a_backend_that_is_killed_is_told_by_tls(dial, server):
    with server.connect() as admin, Wire(dial()) as session:
        admin.execute("select pg_terminate_backend(%s)", [session.pid])
        trace = session.read_until([])
        assert sqlstates(trace) == ["57P01"] and trace[-1] is CLOSED
