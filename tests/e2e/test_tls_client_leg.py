"""TLS between clients and Lockstep: who comes in, who is told why not."""

import os
import pathlib
import shutil
import socket
import ssl
import tempfile
import time
from types import SimpleNamespace

import psycopg
import pytest

import clients
import pki
import program
import tls
import wire
from program import (GSSENC_REQUEST, SSL_REQUEST, Bare, Program,
                     free_endpoint, listen_text, startup_packet)
from scene import wait_asleep
from wire import CLOSED, Wire, errors, query, sqlstates

MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
MUST_ENCRYPT = MODES[3:]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]
versions = pytest.mark.parametrize("version", VERSIONS,
                                   ids=lambda version: version.name)


def settings(tls_mode="require", certificate=None, **more):
    """What a listener needs for this mode."""
    if tls_mode == "disable":
        return {"tls_mode": tls_mode, **more}
    certificate = certificate or pki.shared().lockstep
    found = {"tls_mode": tls_mode, "tls_cert": certificate.cert,
             "tls_key": certificate.key, **more}
    if tls_mode.startswith("verify"):
        found.setdefault("tls_ca", pki.shared().root.file)
    return found


@pytest.fixture
def listen(start_lockstep):
    return lambda *mode, **more: start_lockstep(**settings(*mode, **more))


def client(role="postgres", what="good", **options):
    """A context that verifies Lockstep and shows a certificate of its own."""
    return tls.context(ca=pki.shared().root.file,
                       certificate=pki.shared().client(role, what), **options)


def version_context(version, **options):
    return tls.context(minimum=version, maximum=version, **options)


def assert_serves(session):
    assert wire.rows(session.query("select 6 * 7")) == [("42",)]


def in_clear(endpoint, *packets):
    """All that is answered to this, or up to the greeting's end."""
    with Bare(endpoint, encryption=False) as session:
        session.send(*packets)
        return session.read_until("Z")


def refusal(endpoint, encryption, direct=False, **parameters):
    """Why there is no session: the alert's reason, or the FATAL's fields."""
    try:
        with Bare(endpoint, encryption, direct) as session:
            trace = session.log_in(**parameters)
    except ssl.SSLError as problem:
        return {"alert": (problem.reason or str(problem)).lower()}
    found = errors(trace)
    assert trace[-1] is CLOSED and len(found) <= 1, trace
    return found[0] if found else {"closed": True}


# -- in clear, or not -------------------------------------------------------

@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("mode", MODES)
def test_ssl_request_is_answered(listen, mode, by):
    with Bare(listen(mode), encryption=False) as session:
        session.send(SSL_REQUEST, by=by)
        assert session.read_byte() == (b"N" if mode == "disable" else b"S")
        if mode == "disable":
            assert wire.status(session.log_in()) == "I"


@pytest.mark.parametrize("mode", MODES)
def test_session_in_clear(listen, mode):
    trace = in_clear(listen(mode), startup_packet())
    if mode in MUST_ENCRYPT:
        assert sqlstates(trace) == ["28000"] and trace[-1] is CLOSED
        assert errors(trace)[0]["S"] == "FATAL"
        assert "encrypt" in errors(trace)[0]["M"]
    else:
        assert wire.status(trace) == "I"


def test_refused_in_clear_means_the_server_hears_nothing(listen):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        lockstep = listen("require", upstream=SimpleNamespace(host=host,
                                                              port=port))
        server.settimeout(0.3)
        assert sqlstates(in_clear(lockstep, startup_packet())) == ["28000"]
        with pytest.raises(TimeoutError):
            server.accept()
        # While one that comes by TLS is taken there.
        with Bare(lockstep) as session:
            session.send(startup_packet())
            server.settimeout(wire.HANG_BOUND_S)
            server.accept()[0].close()


@pytest.mark.parametrize("mode", MODES)
def test_a_unix_socket_needs_no_tls(cluster, tmp_path, mode):
    if mode.startswith("verify"):
        pytest.skip("as require")
    place, file = free_endpoint(), free_endpoint(str(tmp_path))
    arguments = [word for name, value in settings(mode).items()
                 for word in ("--set", f"{name}={value}")]
    with Program(file, "--listen", listen_text(place, file), "--upstream",
                 cluster.conninfo(), *arguments):
        with Bare(file) as session:
            session.send(SSL_REQUEST)
            assert session.read_byte() == b"N"
            assert wire.status(session.log_in()) == "I"
            assert_serves(session)


@pytest.mark.parametrize("encrypted", [False, True],
                         ids=["in clear", "by TLS"])
def test_cancel_where_tls_is_required(listen, cluster, encrypted):
    lockstep = listen("require")
    with Wire(lockstep) as session:
        session.send(query("select pg_sleep(60)"))
        wait_asleep(cluster, session)
        wire.cancel(lockstep, session, encryption=encrypted)
        assert sqlstates(session.read_ready()) == ["57014"]
        assert_serves(session)


def test_clear_and_encrypted_sessions_side_by_side(listen):
    lockstep = listen("prefer")
    with Wire(lockstep, encryption=False) as a, Wire(lockstep) as b:
        for session in a, b, a, b:
            assert_serves(session)


@versions
def test_each_version_works(listen, version):
    with Wire(listen("require"),
              encryption=version_context(version)) as session:
        assert session.socket.tls.version() == version.name.replace("_", ".")
        assert_serves(session)
        big = wire.rows(session.query("select repeat('x', 3000000)"))
        assert big == [("x" * 3000000,)]
        long = "x" * 3000000
        assert wire.rows(session.query(f"select length('{long}')")) == [
            ("3000000",)]


# -- GSSENCRequest, and what comes once TLS is there ------------------------

@pytest.mark.parametrize("by", ["packet", "byte"])
def test_gssenc_request_is_answered_no(listen, by):
    with Bare(listen("require"), encryption=False) as session:
        session.send(GSSENC_REQUEST, by=by)
        assert session.read_byte() == b"N"
        session.socket = tls.start(session.socket)
        assert wire.status(session.log_in()) == "I"


@pytest.mark.parametrize("request_", [SSL_REQUEST, GSSENC_REQUEST],
                         ids=["SSLRequest", "GSSENCRequest"])
@pytest.mark.parametrize("direct", [False, True])
def test_encryption_requests_within_tls(listen, request_, direct):
    """Refused, or N; but there is no TLS within TLS."""
    with Bare(listen("require"), True, direct) as session:
        session.send(request_)
        first = session.read_byte()
        if first == b"N":
            assert wire.status(session.log_in()) == "I"
        else:
            session.unread = first
            trace = session.read_all()
            assert sqlstates(trace) in (["0A000"], ["08P01"]), trace


# -- bytes in clear behind SSLRequest (CVE-2021-23214) ----------------------

STUFFED = startup_packet() + query("select 'smuggled'")


def after_ssl_request(endpoint, *packets, by="packet"):
    """What is answered, in clear or once TLS has begun."""
    with Bare(endpoint, encryption=False) as session:
        try:
            session.send(*packets, by=by)
            first = session.read_byte()
            if first == b"S":
                session.socket = tls.Socket(session.socket, tls.context())
            else:
                session.unread = first
            return session.read_all()
        except (OSError, EOFError):  # ssl.SSLError, too
            return []


@pytest.mark.parametrize("mode", ["allow", "require"])
@pytest.mark.parametrize("stuffed", [STUFFED, b"x", STUFFED[:4]],
                         ids=["a session", "one byte", "a length"])
def test_bytes_in_clear_behind_ssl_request_are_refused(listen, cluster, mode,
                                                       stuffed):
    lockstep, mark = listen(mode), cluster.log_mark()
    with Wire(lockstep) as other:
        trace = after_ssl_request(lockstep, SSL_REQUEST + stuffed)
        assert sqlstates(trace) == ["08P01"], trace
        assert "received unencrypted data after SSL request" in errors(
            trace)[0]["M"]
        assert_serves(other)
    assert "smuggled" not in cluster.log(mark)


@pytest.mark.parametrize("mode", ["allow", "require"])
def test_bytes_in_clear_one_by_one_are_refused(listen, cluster, mode):
    lockstep, mark = listen(mode), cluster.log_mark()
    with Wire(lockstep) as other:
        trace = after_ssl_request(lockstep, SSL_REQUEST, STUFFED, by="byte")
        assert sqlstates(trace) in ([], ["08P01"]), trace
        assert "Z" not in {kind for kind, _fields in trace}
        assert_serves(other)
    assert "smuggled" not in cluster.log(mark)


# -- direct TLS and ALPN ----------------------------------------------------

@versions
def test_direct_tls(listen, version):
    context = version_context(version, alpn=[tls.ALPN])
    with Wire(listen("require"), encryption=context,
              direct=True) as session:
        assert session.socket.tls.selected_alpn_protocol() == tls.ALPN
        assert_serves(session)


@pytest.mark.parametrize("direct", [False, True],
                         ids=["SSLRequest", "direct"])
@pytest.mark.parametrize("offered, is_welcome", [
    ([], "unless direct"), (["postgresql"], True),
    (["http/1.1", "postgresql", "h2"], True), (["http/1.1"], False),
    (["postgresql2"], False), (["PostgreSQL"], False), (["p"], False)],
    ids=lambda value: str(value))
def test_alpn(listen, offered, is_welcome, direct):
    lockstep = listen("require")
    context = tls.context(alpn=offered)
    if is_welcome == "unless direct":
        is_welcome = not direct
    if is_welcome:
        with Wire(lockstep, encryption=context, direct=direct) as session:
            assert session.socket.tls.selected_alpn_protocol() == (
                tls.ALPN if offered else None)
            assert_serves(session)
        return
    found = refusal(lockstep, context, direct)
    if offered:
        assert "no_application_protocol" in found["alert"].replace(" ", "_")
    assert "Z" not in found


def test_direct_tls_where_there_is_none(listen):
    lockstep = listen("disable")
    with Wire(lockstep) as other:
        with pytest.raises(OSError):
            wire.connect(lockstep, tls.context(alpn=[tls.ALPN]), direct=True)
        assert_serves(other)


def test_tls_hello_behind_ssl_request_is_not_waited_for(listen):
    """A client that does not wait for the S is refused, as by the server."""
    outgoing = ssl.MemoryBIO()
    half = tls.context().wrap_bio(ssl.MemoryBIO(), outgoing,
                                  server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    with Bare(listen("require"), encryption=False) as session:
        session.send(SSL_REQUEST + outgoing.read())
        assert session.read_byte() in (b"S", b"E")
        rest = b""
        while chunk := session.socket.recv(65536):
            rest += chunk
        assert b"\x16\x03" not in rest[:2]  # no ServerHello


# -- certificates of clients ------------------------------------------------

@pytest.fixture
def revocations():
    for role in "postgres", "somebody":
        pki.shared().client(role, "revoked")
    return pki.shared().root.crl()


ALERTS = {"expired": "certificate_expired", "revoked": "certificate_revoked",
          "strangers": "unknown_ca"}


@versions
@pytest.mark.parametrize("mode", ["allow", *MUST_ENCRYPT])
@pytest.mark.parametrize("what", ALERTS)
def test_bad_client_certificate_is_refused(listen, revocations, mode, what,
                                           version):
    lockstep = listen(mode, tls_ca=pki.shared().root.file,
                      tls_crl=revocations)
    with Wire(lockstep, encryption=client()) as other:
        found = refusal(lockstep, client(what=what, minimum=version,
                                         maximum=version))
        assert ALERTS[what] in found["alert"].replace(" ", "_")
        assert_serves(other)
    reasons = {"expired": "expired", "revoked": "revoked",
               "strangers": "issuer"}
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while reasons[what] not in lockstep.stderr():  # the log comes behind
        assert time.monotonic() < deadline, lockstep.tail()
        time.sleep(0.02)


@versions
@pytest.mark.parametrize("mode", ["allow", *MUST_ENCRYPT])
def test_no_client_certificate(listen, cluster, mode, version):
    """In the server's words, once there is TLS to say them by."""
    lockstep = listen(mode, tls_ca=pki.shared().root.file)
    context = version_context(version)
    if not mode.startswith("verify"):
        with Wire(lockstep, encryption=context) as session:
            assert_serves(session)
        return
    mark = cluster.log_mark()
    found = refusal(lockstep, context, user="m_without")
    assert (found["S"], found["C"]) == ("FATAL", "28000")
    assert found["M"] == "connection requires a valid client certificate"
    assert "sslcert" in found["H"]
    with pytest.raises(psycopg.OperationalError, match=found["M"]):
        libpq(lockstep, "require", sslcert="/nowhere")
    assert "m_without" not in cluster.log(mark)


@versions
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_cancel_needs_no_certificate(listen, cluster, mode, version):
    """libpq's cancels are in clear; others' come by TLS without one."""
    lockstep = listen(mode)
    with Wire(lockstep, encryption=client()) as session:
        for encryption in version_context(version), False:
            session.send(query("select pg_sleep(60)"))
            wait_asleep(cluster, session)
            wire.cancel(lockstep, session, encryption=encryption)
            assert sqlstates(session.read_ready()) == ["57014"]
        assert_serves(session)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_certificates_name_counts_in_verify_full(listen, mode):
    """As the server's clientcert=verify-full has it."""
    lockstep = listen(mode, tls_ca=pki.shared().root.file)
    with Wire(lockstep, encryption=client("postgres")) as other:
        assert_serves(other)
        if mode == "verify-full":
            found = refusal(lockstep, client("somebody"), user="postgres",
                            database="postgres")
            assert (found["S"], found["C"]) == ("FATAL", "28000")
            assert found["M"] == ("certificate authentication failed for "
                                  'user "postgres"')
            assert "CN" in found["D"]
        else:
            with Wire(lockstep, encryption=client("somebody")) as session:
                assert_serves(session)
        assert_serves(other)


@pytest.mark.parametrize("subject, user", [
    ("postgres.", "postgres"), ("postgre", "postgres"),
    ("Postgres", "postgres"), ("postgres", "postgres\u0161")])
def test_a_name_that_is_nearly_the_users(listen, subject, user):
    lockstep = listen("verify-full")
    found = refusal(lockstep, client(subject), user=user)
    assert found["C"] == "28000"


def test_a_revocation_list_that_names_nobody_keeps_nobody_out(listen,
                                                              tmp_path):
    authority = pki.Authority(str(tmp_path), "empty")
    context = tls.context(certificate=authority.issue("c", "postgres"))
    with Wire(listen("verify-full", tls_ca=authority.file,
                     tls_crl=authority.crl()),
              encryption=context) as session:
        assert_serves(session)


def test_a_certificate_by_an_authority_between(listen, tmp_path):
    """tls_ca has the root alone; the client shows who is between."""
    middle = pki.shared().middle
    issued = middle.issue("client", "postgres")
    chain = tmp_path / "chain.pem"
    chain.write_text(pathlib.Path(issued.cert).read_text()
                     + pathlib.Path(middle.file).read_text())
    lockstep = listen("verify-full")
    context = tls.context(certificate=pki.Certificate(cert=str(chain),
                                                      key=issued.key))
    with Wire(lockstep, encryption=context) as session:
        assert_serves(session)
    alone = tls.context(certificate=issued)
    assert "unknown_ca" in refusal(lockstep, alone)["alert"].replace(" ", "_")


# -- Lockstep's own certificate ---------------------------------------------

# what is wrong: what libpq says
REFUSED_BY_LIBPQ = {
    "expired": "certificate verify failed",
    "revoked": "certificate verify failed|certificate revoked",
    "strangers": "certificate verify failed",
    "wrong_name": 'server certificate for "db.elsewhere.example" .*does not '
                  'match host name "127.0.0.1"',
}


def libpq(endpoint, sslmode, **options):
    return clients.libpq_connect(
        host=endpoint.host, port=endpoint.port, user="postgres",
        dbname="postgres", sslmode=sslmode,
        sslrootcert=pki.shared().root.file, **options)


@pytest.mark.parametrize("what", REFUSED_BY_LIBPQ)
def test_clients_refuse_a_bad_certificate(listen, what):
    certificate = getattr(pki.shared(), what)
    lockstep = listen("require", certificate)
    with Wire(lockstep) as other:  # looks at no certificate
        with pytest.raises(psycopg.OperationalError,
                           match=REFUSED_BY_LIBPQ[what]):
            libpq(lockstep, "verify-full", sslcrl=pki.shared().root.crl())
        if what == "wrong_name":
            libpq(lockstep, "verify-ca").close()
        assert_serves(other)


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "server"])
@versions
def test_keys_of_each_kind(listen, kind, version):
    context = version_context(version, ca=pki.shared().root.file)
    with Wire(listen("require", getattr(pki.shared(), kind)),
              encryption=context) as session:
        assert_serves(session)


def test_the_whole_chain_is_sent(listen, tmp_path):
    middle = pki.shared().middle
    issued = middle.issue("chained", "localhost", pki.HERE)
    chain = tmp_path / "chain.pem"
    chain.write_text(pathlib.Path(issued.cert).read_text()
                     + pathlib.Path(middle.file).read_text())
    lockstep = listen("require", pki.Certificate(cert=str(chain),
                                                 key=issued.key))
    with libpq(lockstep, "verify-full") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def altered(tmp_path, path, mode=0o600, text=None):
    copy = tmp_path / os.path.basename(path)
    copy.write_text(pathlib.Path(path).read_text() if text is None else text)
    copy.chmod(mode)
    return str(copy)


def start_and_check(tmp_path, **found):
    """What `check` and `serve` make of it: both must agree."""
    file = tmp_path / "lockstep.conf"
    file.write_text("upstream = host=127.0.0.1 port=1\n" + "".join(
        f"{name} = {value}\n" for name, value in found.items()))
    place = listen_text(free_endpoint())
    checked = program.run("check", "-c", str(file))
    served = program.run("serve", "-c", str(file), "--listen", place)
    assert checked.returncode == served.returncode == 1
    assert checked.stderr and served.stderr
    return checked.stderr + served.stderr, checked.stderr


def is_root():
    return os.getuid() == 0


LOOSE = [0o604, 0o644, 0o620, 0o660, 0o666] + ([] if is_root() else [0o640])


@pytest.mark.parametrize("mode", LOOSE, ids=oct)
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    key = altered(tmp_path, pki.shared().lockstep.key, mode)
    said, checked = start_and_check(tmp_path, **settings(tls_key=key))
    assert key in checked and "permission" in checked
    assert key in said


@pytest.mark.skipif(not is_root(), reason="only root's keys may be 0640")
def test_a_key_of_roots_may_be_its_groups():
    """Who runs as another user reads it as one of the group."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        for mode, is_good in (0o640, True), (0o644, False):
            files = {}
            for name in "cert", "key":
                files[name] = os.path.join(folder, name)
                pki.install(getattr(pki.shared().lockstep, name),
                            files[name])
                os.chmod(files[name], mode)
                shutil.chown(files[name], "root", "postgres")
            found = settings(certificate=SimpleNamespace(**files))
            config = os.path.join(folder, "lockstep.conf")
            pathlib.Path(config).write_text(
                "upstream = host=127.0.0.1 port=1\n" + "".join(
                    f"{name} = {value}\n" for name, value in found.items()))
            done = program.run_as("postgres", folder, "check", "-c", config)
            assert (done.returncode == 0) == is_good, done.stderr


WRONG_FILES = {
    "no certificate": lambda p, t: {"tls_cert": str(t / "none")},
    "no key": lambda p, t: {"tls_key": str(t / "none")},
    "a folder": lambda p, t: {"tls_cert": str(t)},
    "an empty file": lambda p, t: {"tls_cert": altered(
        t, p.server.cert, text="")},
    "no PEM": lambda p, t: {"tls_key": altered(t, p.server.key, text="xx")},
    "another's key": lambda p, t: {"tls_key": p.server.key},
    "an encrypted key": lambda p, t: {"tls_key": p.root.issue(
        "locked", "localhost", pki.HERE, password="s3cr3t").key},
    "an authority that is none": lambda p, t: {"tls_ca": altered(
        t, p.root.file, text="xx")},
    "no revocation list": lambda p, t: {"tls_crl": p.root.file,
                                        "tls_ca": p.root.file},
    "no certificate at all": lambda p, t: {"tls_cert": None},
    "no key at all": lambda p, t: {"tls_key": None},
    "ciphers that are none": lambda p, t: {"tls_ciphers": "NO-SUCH"},
    "a version that is none": lambda p, t: {"tls_min_version": "SSLv3"},
    "a mode that is none": lambda p, t: {"tls_mode": "always"},
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_what_cannot_be_served_is_told_at_once(tmp_path, wrong):
    changed = WRONG_FILES[wrong](pki.shared(), tmp_path)
    found = {**settings("require"), **changed}
    said, checked = start_and_check(
        tmp_path, **{name: value for name, value in found.items() if value})
    for name in changed:
        assert name in checked or (found[name] and found[name] in checked)
    assert "s3cr3t" not in said


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_who_must_verify_needs_an_authority(tmp_path, mode):
    found = settings(mode)
    del found["tls_ca"]
    _said, checked = start_and_check(tmp_path, **found)
    assert "tls_ca" in checked
