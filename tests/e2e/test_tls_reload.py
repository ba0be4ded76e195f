"""SIGHUP: certificates, keys, authorities, revocations and the auth_file are
read anew, and no session notices."""

import signal
import ssl
import threading
import time

import pytest

import clients
import pki
import scram
import tls
import wire
from clients import PASSWORD
from program import Bare
from proxy import Lockstep
from test_tls_scan import resumable, ticket_of
from tls_roles import RoleCluster, role
from wire import Wire, sqlstates

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]

USER = role("scram")


@pytest.fixture(scope="module")
def server(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


class Files:
    """The files that a Lockstep was told of; each may be replaced."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return str(self.folder / name)

    def put(self, name, source):
        pki.install(source, self.path(name))

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)

    def certify(self, certificate):
        self.put("cert", certificate.cert)
        self.put("key", certificate.key)

    def listener(self):
        return {"tls_cert": self.path("cert"), "tls_key": self.path("key")}


@pytest.fixture
def files(tmp_path):
    files = Files(tmp_path)
    files.certify(pki.shared().lockstep)
    files.put("ca", pki.shared().root.file)
    files.put("crl", pki.shared().root.crl())
    return files


def until(condition, what="it does not happen"):
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def reload(lockstep):
    lockstep.process.send_signal(signal.SIGHUP)


def shows(lockstep, certificate):
    return pki.is_same(tls.shown(lockstep), certificate)


def is_shut_out(lockstep, context):
    try:
        with Wire(lockstep, encryption=context) as session:
            assert_serves(session)
        return False
    except ssl.SSLError:
        return True


def complaints(lockstep):
    return [event for event in lockstep.events() if event["level"] == "error"]


def assert_serves(session):
    assert wire.rows(session.query("select 6 * 7")) == [("42",)]


# -- the listener's certificate ---------------------------------------------

@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_new_connections_see_the_new_certificate(start_lockstep, server,
                                                 files, version):
    lockstep = start_lockstep(server, tls_mode="require", **files.listener())
    version = ssl.TLSVersion[version]
    context = tls.context(minimum=version, maximum=version)
    with Wire(lockstep, encryption=context) as old:
        assert sqlstates(old.query("begin; create temp table t(n int)")) == []
        for certificate in pki.shared().rsa, pki.shared().server:
            files.certify(certificate)
            reload(lockstep)
            until(lambda c=certificate: shows(lockstep, c))
            assert_serves(old)
            with Wire(lockstep, encryption=tls.context(
                    ca=pki.shared().root.file)) as new:
                assert_serves(new)
        assert sqlstates(old.query("table t")) == []
        assert wire.status(old.query("commit")) == "I"
    assert complaints(lockstep) == []


def test_new_key_without_its_certificate_is_not_taken(start_lockstep, server,
                                                      files):
    """Half of a renewal: the old goes on until the rest is there."""
    lockstep = start_lockstep(server, tls_mode="require", **files.listener())
    files.put("key", pki.shared().rsa.key)
    reload(lockstep)
    until(lambda: complaints(lockstep))
    assert shows(lockstep, pki.shared().lockstep)
    files.put("cert", pki.shared().rsa.cert)
    reload(lockstep)
    until(lambda: shows(lockstep, pki.shared().rsa))


BAD = {
    "no PEM": lambda f: f.write("cert", "nonsense"),
    "an empty file": lambda f: f.write("cert", ""),
    "no file": lambda f: (f.folder / "cert").unlink(),
    "a key for all to read": lambda f: (f.folder / "key").chmod(0o644),
    "no authority": lambda f: f.write("ca", "nonsense"),
    "no revocation list": lambda f: f.write("crl", "nonsense"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_load_leaves_the_old(start_lockstep, server, files,
                                           what):
    lockstep = start_lockstep(server, tls_mode="verify-full",
                              tls_ca=files.path("ca"),
                              tls_crl=files.path("crl"), **files.listener())
    context = tls.context(ca=pki.shared().root.file,
                          certificate=pki.shared().client("postgres"))
    with Wire(lockstep, encryption=context) as old:
        BAD[what](files)
        reload(lockstep)
        until(lambda: complaints(lockstep))
        told = str(complaints(lockstep)[0])
        assert any(files.path(name) in told
                   for name in ("cert", "key", "ca", "crl")), told
        assert_serves(old)
        with Wire(lockstep, encryption=context) as new:
            assert_serves(new)
    stranger = tls.context(certificate=pki.shared().client("postgres",
                                                           "strangers"))
    assert is_shut_out(lockstep, stranger)


# -- who may come -----------------------------------------------------------

@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_revoked_since_means_refused_and_not_resumed(start_lockstep, server,
                                                     files, version):
    lockstep = start_lockstep(server, tls_mode="verify-full",
                              tls_ca=files.path("ca"),
                              tls_crl=files.path("crl"), **files.listener())
    version = ssl.TLSVersion[version]
    lost = pki.shared().root.issue("lost", "postgres")
    context = tls.context(certificate=lost, minimum=version, maximum=version)
    other = tls.context(certificate=pki.shared().client("postgres"))
    session = ticket_of(lockstep, context)
    with resumable(lockstep, context, session) as old:
        assert old.socket.tls.session_reused
        pki.shared().root.revoke(lost)
        files.put("crl", pki.shared().root.crl())
        reload(lockstep)
        until(lambda: is_shut_out(lockstep, context))
        with pytest.raises(ssl.SSLError):
            resumable(lockstep, context, session).query("select 1")
        assert_serves(old)
        with Wire(lockstep, encryption=other) as new:
            assert_serves(new)


def test_another_authority_is_believed(start_lockstep, server, files):
    lockstep = start_lockstep(server, tls_mode="verify-full",
                              tls_ca=files.path("ca"), **files.listener())
    ours, theirs = (tls.context(certificate=pki.shared().client("postgres",
                                                                what))
                    for what in ("good", "strangers"))
    assert is_shut_out(lockstep, theirs)
    with Wire(lockstep, encryption=ours) as old:
        files.put("ca", pki.shared().stranger.file)
        reload(lockstep)
        until(lambda: is_shut_out(lockstep, ours))
        with Wire(lockstep, encryption=theirs) as new:
            assert_serves(new)
        assert_serves(old)


# -- upstream ---------------------------------------------------------------

def test_another_root_upstream(start_lockstep, server, files):
    lockstep = start_lockstep(server, {"sslmode": "verify-full",
                                       "sslrootcert": files.path("ca")})
    with Wire(lockstep) as old:
        files.put("ca", pki.shared().stranger.file)
        reload(lockstep)
        until(lambda: refused(lockstep))
        assert_serves(old)
        files.put("ca", pki.shared().root.file)
        reload(lockstep)
        until(lambda: not refused(lockstep))


def refused(lockstep, user="postgres"):
    with Bare(lockstep) as session:
        return sqlstates(session.log_in(user=user,
                                        database="postgres")) != []


def test_another_certificate_upstream(start_lockstep, server, files):
    """Expired and renewed."""
    user = role("cert")
    files.certify(pki.shared().client(user, "expired"))
    lockstep = start_lockstep(server, {"sslmode": "require",
                                       "sslcert": files.path("cert"),
                                       "sslkey": files.path("key")})
    assert refused(lockstep, user)
    files.certify(pki.shared().client(user))
    reload(lockstep)
    until(lambda: not refused(lockstep, user))


# -- the file of verifiers --------------------------------------------------

def logs_in(lockstep, user, password=PASSWORD):
    with Bare(lockstep) as session:
        trace = scram.log_in(session, user, scram.Client(password))
        return wire.status(trace) == "I"


def test_auth_file_is_read_anew(start_lockstep, server, files):
    files.write("auth", server.verifiers("scram"))
    lockstep = start_lockstep(server, auth="scram",
                              auth_file=files.path("auth"))
    with Bare(lockstep) as old:
        scram.log_in(old, USER, scram.Client(PASSWORD))
        # One that it does not know yet, one that it will know no more.
        assert not logs_in(lockstep, role("tls_only"))
        files.write("auth", server.verifiers("clear_only"))
        reload(lockstep)
        until(lambda: logs_in(lockstep, role("clear_only")))
        assert not logs_in(lockstep, USER)
        assert_serves(old)


def test_auth_file_that_is_wrong_leaves_the_old(start_lockstep, server,
                                                files):
    files.write("auth", server.verifiers("scram"))
    lockstep = start_lockstep(server, auth="scram",
                              auth_file=files.path("auth"))
    for text, mode in ('"u" "s3cr3t"\n', 0o600), (
            server.verifiers("clear_only"), 0o644):
        before = len(complaints(lockstep))
        files.write("auth", text, mode)
        reload(lockstep)
        until(lambda: len(complaints(lockstep)) > before)
        assert logs_in(lockstep, USER)
    assert "s3cr3t" not in lockstep.stderr()


def test_an_exchange_under_way_when_the_file_changes(start_lockstep, server,
                                                     files):
    files.write("auth", server.verifiers("scram"))
    lockstep = start_lockstep(server, auth="scram",
                              auth_file=files.path("auth"))
    with Bare(lockstep) as session:
        client = scram.Client(PASSWORD)
        scram.mechanisms(session, USER)
        session.send(client.initial())
        code, data = scram.authentication(session)
        assert code == scram.SASL_CONTINUE
        files.write("auth", server.verifiers("clear_only"))
        reload(lockstep)
        until(lambda: logs_in(lockstep, role("clear_only")))
        client.server_first = data.decode()
        session.send(client.final())
        trace = session.read_until("ZE")  # either is right; no crash is
        assert trace[-1][0] in ("Z", "E")


# -- under load -------------------------------------------------------------

def test_many_reloads_disturb_nobody(server, files):
    problems = []
    stop = threading.Event()
    user, authority = role("scram"), pki.shared().root.file
    files.write("auth", server.verifiers("scram"))

    def connect(lockstep):
        while not stop.is_set():
            seen = clients.psycopg_client(clients.Attempt(
                lockstep, user, "verify-full", channel_binding="require"))
            if seen != "tls>tls":
                problems.append(seen)

    with Lockstep(server, {"tls_mode": "require", "auth": "scram",
                           "auth_file": files.path("auth"),
                           **files.listener()},
                  {"sslmode": "verify-full",
                   "sslrootcert": authority}) as lockstep:
        threads = [threading.Thread(target=connect, args=[lockstep])
                   for _ in range(3)]
        for thread in threads:
            thread.start()
        with Bare(lockstep) as session:
            scram.log_in(session, user, scram.Client(PASSWORD))
            for i in range(40):
                files.certify([pki.shared().server, pki.shared().rsa][i % 2])
                reload(lockstep)
                assert_serves(session)
                time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
    # The two files are replaced one after the other: what was read between
    # was not taken.
    assert problems == []
