"""What the listener agrees to, and what it does not, as a scanner sees it."""

import os
import ssl
import subprocess
import time

import pytest

import pki
import tls
import tls_scan
import wire
from fake_server import GREETING, FakeServer, tls_server
from program import Bare, startup_packet
from test_tls_client_leg import settings
from tls_scan import TLS1_2, TLS1_3, accepted, answer, client_hello
from wire import Wire

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

# ECDHE with AES-GCM or ChaCha20, by the certificate's key.
DEFAULT_1_2 = {"server": {0xc02b, 0xc02c, 0xcca9},
               "rsa": {0xc02f, 0xc030, 0xcca8}}
DEFAULT_1_3 = {0x1301, 0x1302, 0x1303}
PROTOCOL_VERSION, INAPPROPRIATE_FALLBACK, HANDSHAKE_FAILURE = 70, 86, 40
MAX_PAYLOAD = 8192
OVERHEAD = 1 + 16 + 8  # type, tag, explicit nonce


@pytest.fixture
def listen(start_lockstep):
    return lambda certificate="server", **more: start_lockstep(
        **settings("require", getattr(pki.shared(), certificate), **more))


def one_version(version, **options):
    return tls.context(minimum=version, maximum=version, **options)


both_versions = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
    ids=lambda version: version.name)


# -- versions and ciphers ---------------------------------------------------

@pytest.mark.parametrize("version", [tls_scan.SSL3, tls_scan.TLS1_0,
                                     tls_scan.TLS1_1], ids=hex)
def test_old_versions_are_refused(listen, version):
    said = answer(listen(), client_hello(version, tls_scan.SUITES_1_2))
    assert said in (PROTOCOL_VERSION, HANDSHAKE_FAILURE), said


@pytest.mark.parametrize("key", DEFAULT_1_2)
def test_ciphers_by_default(listen, key):
    """Forward secrecy and AEAD: no more than these, out of all there are."""
    lockstep = listen(key)
    found = accepted(lockstep, TLS1_2, tls_scan.SUITES_1_2)
    assert set(found) == DEFAULT_1_2[key], [hex(suite) for suite in found]
    assert set(accepted(lockstep, TLS1_3,
                        tls_scan.SUITES_1_3)) == DEFAULT_1_3


def test_least_version_is_obeyed(listen):
    lockstep = listen(tls_min_version="TLSv1.3")
    said = answer(lockstep, client_hello(TLS1_2, tls_scan.SUITES_1_2))
    assert said == PROTOCOL_VERSION
    assert set(accepted(lockstep, TLS1_3,
                        tls_scan.SUITES_1_3)) == DEFAULT_1_3


# tls_ciphers: what is accepted of TLS 1.2, of 1.3
CIPHERS = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": ({0xc02b}, DEFAULT_1_3),
    "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384":
        ({0xc02c}, {0x1302}),
    "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+CHACHA20":
        ({0xcca9}, {0x1303, 0x1301}),
    # The operator's will, though it is not a good one.
    "ECDHE-ECDSA-AES256-SHA": ({0xc00a}, DEFAULT_1_3),
}


@pytest.mark.parametrize("ciphers", CIPHERS)
def test_ciphers_are_obeyed(listen, ciphers):
    lockstep = listen(tls_ciphers=ciphers)
    older, newer = CIPHERS[ciphers]
    assert set(accepted(lockstep, TLS1_2, tls_scan.SUITES_1_2)) == older
    assert set(accepted(lockstep, TLS1_3, tls_scan.SUITES_1_3)) == newer


def test_suites_of_tls_1_3_alone_open_nothing_else(listen):
    lockstep = listen(tls_ciphers="TLS_AES_256_GCM_SHA384")
    assert set(accepted(lockstep, TLS1_3, tls_scan.SUITES_1_3)) == {0x1302}
    found = accepted(lockstep, TLS1_2, tls_scan.SUITES_1_2)
    assert set(found) <= DEFAULT_1_2["server"], [hex(suite) for suite in found]


@pytest.mark.parametrize("group", [19, 21, 22, 1, 15], ids=str)
def test_weak_curves_are_refused(listen, group):
    said = answer(listen(), client_hello(TLS1_2, tls_scan.SUITES_1_2,
                                         groups=[group]))
    assert said == HANDSHAKE_FAILURE


def test_a_downgrade_is_noticed(listen):
    """Who could do better and says that he fell back was led astray."""
    suites = [*DEFAULT_1_2["server"], tls_scan.FALLBACK]
    said = answer(listen(), client_hello(TLS1_2, suites))
    assert said == INAPPROPRIATE_FALLBACK


def test_extensions_of_tls_1_2(listen):
    said = answer(listen(), client_hello(TLS1_2, DEFAULT_1_2["server"],
                                         compressions=b"\1\0"))
    assert said.compression == 0
    assert 15 not in said.extensions  # heartbeat
    assert 0xff01 in said.extensions  # renegotiation would be secure
    assert 23 in said.extensions  # extended master secret


# -- renegotiation, early data ----------------------------------------------

def s_client(endpoint, *arguments, say=b"", until=b""):
    """What s_client prints, up to `until` or its end; it hears `say`."""
    process = subprocess.Popen(
        ["openssl", "s_client", "-starttls", "postgres", "-connect",
         f"{endpoint.host}:{endpoint.port}", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    os.set_blocking(process.stdout.fileno(), False)
    heard, is_said = b"", not say
    deadline = time.monotonic() + wire.HANG_BOUND_S
    try:
        while time.monotonic() < deadline and process.poll() is None:
            heard += process.stdout.read() or b""
            if not is_said and b"Verify return code" in heard:
                process.stdin.write(say)
                process.stdin.flush()
                is_said = True
            if until and until in heard:
                break
            time.sleep(0.01)
        heard += process.stdout.read() or b""
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    return heard.decode("utf-8", "replace")


def ticket_printed(endpoint, *arguments):
    """The same up to a ticket: s_client prints it when it ends by itself.

    In TLS 1.3 it comes behind the handshake, and nothing tells when.
    """
    for pause_s in 0.1, 0.5, 2, 8:
        command = ["openssl", "s_client", "-starttls", "postgres", "-connect",
                   f"{endpoint.host}:{endpoint.port}", *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            time.sleep(pause_s)
            said, _ = process.communicate("Q\n", wire.HANG_BOUND_S)
        if "TLS session ticket:" in said:
            break
    return said


def test_renegotiation_is_refused(listen):
    lockstep = listen()
    with Wire(lockstep) as other:
        said = s_client(lockstep, "-tls1_2", say=b"R\n",
                        until=b"no renegotiation")
        assert "RENEGOTIATING" in said and "no renegotiation" in said
        assert wire.rows(other.query("select 1")) == [("1",)]


def test_many_renegotiations_end_nobody_else(listen):
    lockstep = listen()
    with Wire(lockstep) as other:
        for _ in range(5):
            s_client(lockstep, "-tls1_2", say=b"R\nR\nR\n",
                     until=b"no renegotiation")
        assert wire.rows(other.query("select 1")) == [("1",)]


def test_early_data_is_not_offered(listen):
    assert "Max Early Data: 0" in ticket_printed(listen(), "-tls1_3")


# -- tickets ----------------------------------------------------------------

def resumable(endpoint, context, session=None, user="postgres"):
    """A session by TLS that may go on from another: .trace as well."""
    opened = Bare(endpoint, encryption=False)
    opened.send(tls.SSL_REQUEST)
    assert opened.read_byte() == b"S"
    opened.socket = tls.Socket(opened.socket, context, session=session)
    opened.trace = opened.log_in(user=user, database="postgres")
    return opened


def ticket_of(endpoint, context):
    with resumable(endpoint, context) as first:
        assert wire.rows(first.query("select 1")) == [("1",)]
        assert not first.socket.tls.session_reused
        return first.socket.tls.session


@both_versions
def test_sessions_are_resumed(listen, version):
    lockstep, context = listen(), one_version(version)
    session = ticket_of(lockstep, context)
    assert session.has_ticket
    for _ in range(3):
        with resumable(lockstep, context, session) as again:
            assert again.socket.tls.session_reused
            assert wire.rows(again.query("select 1")) == [("1",)]


@both_versions
def test_s_client_resumes(listen, tmp_path, version):
    lockstep, ticket = listen(), str(tmp_path / "ticket")
    flag = "-" + version.name.lower().replace("v", "")
    ticket_printed(lockstep, flag, "-sess_out", ticket)
    assert "Reused, TLSv1" in s_client(lockstep, flag, "-sess_in", ticket,
                                       until=b"Reused, ")


@both_versions
def test_anothers_ticket_means_a_full_handshake(listen, version):
    context = one_version(version)
    session = ticket_of(listen(), context)
    with resumable(listen(), context, session) as again:
        assert not again.socket.tls.session_reused
        assert wire.status(again.trace) == "I"


@both_versions
def test_a_resumed_session_is_still_its_clients(start_lockstep, version):
    """What the certificate said holds on: nobody changes names so."""
    lockstep = start_lockstep(**settings("verify-full"))
    context = one_version(version,
                          certificate=pki.shared().client("postgres"))
    session = ticket_of(lockstep, context)
    for user, expected in ("postgres", []), ("somebody", ["28000"]):
        with resumable(lockstep, context, session, user) as again:
            assert again.socket.tls.session_reused
            assert wire.sqlstates(again.trace) == expected


# -- records ----------------------------------------------------------------

@both_versions
@pytest.mark.parametrize("sql", [
    "select repeat('x', 1000000)", "select generate_series(1, 100000)",
    "copy (select repeat('y', 20000) from generate_series(1, 50)) to stdout"])
def test_records_to_clients_are_small(listen, version, sql):
    """libpq, used asynchronously, can hang on larger ones."""
    with Wire(listen(), encryption=one_version(version)) as session:
        assert wire.errors(session.query(sql)) == []
        records = session.socket.records
        assert max(records) <= MAX_PAYLOAD + OVERHEAD
        assert max(records) > MAX_PAYLOAD / 2  # and not for being tiny


def test_records_of_others_are_larger():
    """That the count above can fail."""
    big = wire.message("N", b"x" * 100000 + b"\0")
    with FakeServer(tls_server(pki.shared().server,
                               greeting=big + GREETING)) as fake:
        with Bare(fake, encryption=True) as session:
            session.send(startup_packet())
            assert session.read_frame()[0] == "N"
            assert max(session.socket.records) > MAX_PAYLOAD + OVERHEAD
