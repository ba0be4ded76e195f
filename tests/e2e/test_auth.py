"""Authentication: passed through, or by Lockstep's own file of verifiers."""

import base64
import re
import struct

import psycopg
import pytest

import clients
import pki
import program
import scram
import wire
from clients import PASSWORD, Attempt, psycopg_client
from fake_server import FakeServer, tls_server
from program import Bare
from scene import wait_asleep, wait_for
from test_tls_client_leg import settings
from tls_roles import RoleCluster, role
from wire import CLOSED, errors, query, sqlstates

pytestmark = pytest.mark.clear_only("makes its own TLS")
needs_lockstep = pytest.mark.needs_lockstep

USER = role("scram")
FAILED = f'password authentication failed for user "{USER}"'


@pytest.fixture(scope="module")
def server(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


def auth_file(folder, text, mode=0o600):
    file = folder / "auth_file"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


@pytest.fixture
def checking(server, start_lockstep, tmp_path):
    """A Lockstep that checks clients itself."""
    def start(text=None, certificate=None, upstream=None, options=None,
              **more):
        if text is None:
            text = server.verifiers("scram", "trust", "password")
        return start_lockstep(
            upstream or server, options or {"sslmode": "require"},
            auth="scram", auth_file=auth_file(tmp_path, text),
            **settings("prefer", certificate), **more)

    return start


@pytest.fixture
def passing(server, start_lockstep):
    """One that lets authentication pass, with a certificate of its own."""
    return start_lockstep(server, {"sslmode": "require"},
                          **settings("prefer"))


def attempt(endpoint, encrypted=True, **more):
    return Attempt(endpoint, USER, "require" if encrypted else "disable",
                   **more)


def outcome(endpoint, encrypted, client):
    """Of one exchange by hand: its trace."""
    with Bare(endpoint, encryption=encrypted) as session:
        if callable(client):
            client = client(session)
        return scram.log_in(session, USER, client)


# -- the tests' own side ----------------------------------------------------

def test_the_scripted_client_at_the_server_itself(server):
    for encrypted, client in (
            (False, scram.Client(PASSWORD)),
            (True, scram.Client(PASSWORD)),
            (True, lambda s: scram.Client.bound(PASSWORD, s))):
        assert wire.status(outcome(server, encrypted, client)) == "I"
    for encrypted, client in DISHONEST.values():
        assert wire.status(outcome(server, encrypted, client)) is None


# -- checked by Lockstep ----------------------------------------------------

@needs_lockstep
@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("binding", ["disable", "prefer", "require"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_right_password(checking, encrypted, binding, sslmode):
    lockstep = checking(options={"sslmode": sslmode})
    seen = psycopg_client(attempt(lockstep, encrypted,
                                  channel_binding=binding))
    if binding == "require" and not encrypted:
        assert seen == "not bound"
    else:
        assert seen == clients.legs(encrypted, sslmode == "require")


@needs_lockstep
@pytest.mark.parametrize("encrypted", [False, True])
def test_wrong_password(checking, server, encrypted):
    lockstep, mark = checking(), server.log_mark()
    for password in PASSWORD + " ", PASSWORD.lower(), " ":
        trace = outcome(lockstep, encrypted, scram.Client(password))
        error = errors(trace)[0]
        assert (error["S"], error["C"], error["M"]) == ("FATAL", "28P01",
                                                        FAILED)
        assert trace[-1] is CLOSED
    assert "FATAL" not in server.log(mark)  # it was never asked
    assert psycopg_client(attempt(lockstep)) == "tls>tls"


@needs_lockstep
def test_unknown_role_looks_like_a_wrong_password(checking, server):
    """Nobody can find out by asking whose names there are."""
    lockstep = checking()

    def ask(user, password):
        with Bare(lockstep) as session:
            client = scram.Client(password)
            trace = scram.log_in(session, user, client)
            salt = re.search("s=([^,]*)", client.server_first)[1]
            masked = re.sub("r=[^,]*|s=[^,]*", "", client.server_first)
            return str(trace).replace(user, "?"), masked, salt

    known, unknown, again, other = (
        ask(user, "wrong") for user in (USER, "m_nobody", "m_nobody", "m_no"))
    assert known[:2] == unknown[:2] == other[:2]
    assert len({len(one[2]) for one in (known, unknown, other)}) == 1
    assert unknown[2] == again[2] and unknown[2] != other[2]


@needs_lockstep
def test_a_role_of_the_servers_that_the_file_does_not_know(checking, server):
    lockstep = checking(text=server.verifiers("scram"))
    for user in role("trust"), "postgres":
        with Bare(lockstep) as session:
            trace = scram.log_in(session, user, scram.Client(PASSWORD))
            assert sqlstates(trace) == ["28P01"]


@needs_lockstep
def test_a_stale_verifier_is_told_apart(checking, server):
    """The password was changed on the server; the file has the old one."""
    lockstep = checking()
    with server.connect() as admin:
        stored = admin.execute("select rolpassword from pg_authid where "
                               "rolname = %s", [USER]).fetchone()[0]
        try:
            admin.execute(f"alter role {USER} password 'new-passw0rd'")
            for password in PASSWORD, "new-passw0rd":
                trace = outcome(lockstep, True, scram.Client(password))
                error = errors(trace)[0]
                assert error["S"] == "FATAL" and trace[-1] is CLOSED
                if password == PASSWORD:
                    text = " ".join(error.values())
                    assert "auth_file" in text, text
                else:
                    assert error["C"] == "28P01"
        finally:
            admin.execute(f"alter role {USER} password '{stored}'")
    assert psycopg_client(attempt(lockstep)) == "tls>tls"


@needs_lockstep
@pytest.mark.parametrize("method", ["md5", "password", "trust"])
def test_server_that_asks_otherwise(checking, server, method):
    """Whom the server trusts is welcome; a password cannot be told."""
    verifier = re.sub(r'^"[^"]*"', f'"{role(method)}"',
                      server.verifiers("scram"))
    lockstep = checking(text=verifier)
    with Bare(lockstep) as session:
        trace = scram.log_in(session, role(method), scram.Client(PASSWORD))
    if method == "trust":
        assert wire.status(trace) == "I"
        return
    error = errors(trace)[0]
    assert error["S"] == "FATAL" and trace[-1] is CLOSED
    assert "scram-sha-256" in " ".join(error.values()).lower()


@needs_lockstep
def test_binding_upstream(checking):
    lockstep = checking(options={"sslmode": "require",
                                 "channel_binding": "require"})
    for encrypted in False, True:
        trace = outcome(lockstep, encrypted, scram.Client(PASSWORD))
        assert wire.status(trace) == "I"
    with Bare(lockstep) as session:
        trace = scram.log_in(session, role("trust"), scram.Client(PASSWORD))
        # The server asked for nothing, so nothing was bound.
        error = errors(trace)[0]
        assert error["S"] == "FATAL" and trace[-1] is CLOSED
        assert "channel binding" in " ".join(error.values()).lower()


@needs_lockstep
def test_binding_upstream_needs_tls_there(checking, server, tmp_path):
    done = check(tmp_path, GOOD, upstream="host=127.0.0.1 port=1 "
                 "sslmode=disable channel_binding=require")
    assert done.returncode == 1 and "channel_binding" in done.stderr
    lockstep = checking(text=server.verifiers("clear_only"),
                        options={"sslmode": "prefer",
                                 "channel_binding": "require"})
    with Bare(lockstep) as session:
        trace = scram.log_in(session, role("clear_only"),
                             scram.Client(PASSWORD))
        error = errors(trace)[0]
        assert error["S"] == "FATAL" and trace[-1] is CLOSED
        assert "channel binding" in " ".join(error.values()).lower()


@needs_lockstep
@pytest.mark.parametrize("certificate", ["lockstep", "rsa", "ed25519",
                                         "by_ed25519"])
def test_what_is_offered(checking, certificate):
    """PLUS by TLS only, and where the certificate has a hash to bind to."""
    lockstep = checking(certificate=getattr(pki.shared(), certificate))
    with Bare(lockstep, encryption=False) as session:
        assert scram.mechanisms(session, USER) == [scram.PLAIN]
    with Bare(lockstep) as session:
        expected = [scram.PLUS, scram.PLAIN]
        if certificate == "by_ed25519":
            expected = [scram.PLAIN]
        assert scram.mechanisms(session, USER) == expected
    client = {"channel_binding": "require"}
    if certificate == "by_ed25519":
        client = {"root": pki.shared().by_ed25519.cert}
    assert psycopg_client(attempt(lockstep, **client)) == "tls>tls"


@needs_lockstep
def test_the_session_is_like_any_other(checking, server):
    lockstep = checking()
    with Bare(lockstep) as session:
        trace = scram.log_in(session, USER, scram.Client(PASSWORD))
        kinds = [kind for kind, _fields in trace]
        assert kinds[0] == "R" and trace[0][1] == (0,)
        assert kinds[-2:] == ["K", "Z"] and kinds.count("R") == 1
        assert session.parameters["is_superuser"] == "on"
        assert wire.rows(session.query("select session_user")) == [(USER,)]
        session.send(query("select pg_sleep(60)"))
        wait_asleep(server, session)
        wire.cancel(lockstep, session)
        assert sqlstates(session.read_ready()) == ["57014"]


@needs_lockstep
def test_names_with_quotes_and_blanks(checking, server):
    name = 'we"ird, rôle\\'
    with server.connect() as admin:
        quoted = '"' + name.replace('"', '""') + '"'
        admin.execute(f"create role {quoted} login in role {USER}")
        try:
            verifier = server.verifiers("scram").split('" ', 1)[1]
            admin.execute(f"alter role {quoted} password "
                          f"'{verifier.strip()[1:-1]}'")
            with open(f"{server.data}/pg_hba.conf", "a") as hba:
                hba.write(f"host all {quoted} all scram-sha-256\n")
            admin.execute("select pg_reload_conf()")
            lockstep = checking(text=f"{quoted} {verifier}")
            with psycopg.connect(host=lockstep.host, port=lockstep.port,
                                 user=name, password=PASSWORD,
                                 dbname="postgres") as connection:
                assert connection.execute("select user").fetchone() == (name,)
        finally:
            admin.execute(f"drop role {quoted}")


# -- clients that are not honest --------------------------------------------

def bound(**claims):
    return lambda session: scram.Client.bound(PASSWORD, session, **claims)


# whether by TLS, what the client claims
DISHONEST = {
    # A client that could bind says that nobody offered to: somebody did.
    "PLUS was not offered": (True, scram.Client(PASSWORD, gs2="y,,")),
    "bound to something else": (True, bound(binding=bytes(32))),
    "bound to nothing": (True, bound(binding=b"")),
    "bound otherwise": (True, bound(kind="tls-unique")),
    "bound in clear": (False, scram.Client(
        PASSWORD, scram.PLUS, f"p={scram.END_POINT},,", bytes(32))),
    "PLUS without a binding": (True, scram.Client(PASSWORD, scram.PLUS)),
    "a binding without PLUS": (True, scram.Client(
        PASSWORD, gs2=f"p={scram.END_POINT},,", binding=bytes(32))),
    "no such mechanism": (True, scram.Client(PASSWORD, "SCRAM-SHA-1")),
    "wrong proof": (True, scram.Client(PASSWORD, spoil_proof=True)),
    "in another's name": (True, scram.Client(PASSWORD, gs2="n,a=postgres,")),
}


@needs_lockstep
@pytest.mark.parametrize("claim", DISHONEST)
def test_dishonest_clients_are_refused(checking, claim):
    lockstep = checking()
    encrypted, client = DISHONEST[claim]
    with Bare(lockstep) as other:
        assert wire.status(scram.log_in(other, USER, scram.Client(PASSWORD))
                           ) == "I"
        trace = outcome(lockstep, encrypted, client)
        assert trace[-1] is CLOSED and len(sqlstates(trace)) == 1, trace
        assert wire.rows(other.query("select 1")) == [("1",)]


def answer(data):
    return wire.message("p", data)


MALFORMED = {
    "nothing": answer(b""),
    "no terminator": answer(b"SCRAM-SHA-256"),
    "no data": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", -1)),
    "a length beyond the end": answer(b"SCRAM-SHA-256\0"
                                      + struct.pack("!i", 1 << 30) + b"n,,"),
    "a negative length": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", -2)),
    "no nonce": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", 5) + b"n,,n="),
    "no SCRAM at all": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", 8)
                              + b"\xff" * 8),
    "a NUL within": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", 12)
                           + b"n,,n=,r=a\0bc"),
    "a query": query("select 1"),
    "an unknown type": wire.message("!", b"x"),
    "much": answer(b"SCRAM-SHA-256\0" + struct.pack("!i", 100000)
                   + b"n,,n=,r=" + b"x" * 99992),
    "a length of 2^31": b"p\x80\0\0\0",
    "a length of 0": b"p\0\0\0\0",
}


@needs_lockstep
@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_answers_are_refused(checking, what, by):
    if len(MALFORMED[what]) > 1000 and by == "byte":
        pytest.skip("takes too long")
    lockstep = checking()
    with Bare(lockstep) as session:
        scram.mechanisms(session, USER)
        try:
            session.send(MALFORMED[what], by=by)
        except OSError:
            pass  # it has already been refused
        trace = session.read_all()
    assert all(kind in "E closed" for kind, _fields in trace), trace
    assert psycopg_client(attempt(lockstep)) == "tls>tls"


@needs_lockstep
@pytest.mark.parametrize("after", ["the startup packet", "the first answer"])
def test_clients_that_leave_amid_the_exchange(checking, server, after):
    lockstep = checking()
    with server.connect() as admin:
        for encrypted in [False, True] * 5:
            with Bare(lockstep, encryption=encrypted) as session:
                scram.mechanisms(session, USER)
                if after == "the first answer":
                    session.send(scram.Client(PASSWORD).initial())
                    assert scram.authentication(session)[0] == 11
        assert psycopg_client(attempt(lockstep)) == "tls>tls"
        wait_for(admin, "not exists (select from pg_stat_activity "
                 "where usename = %s)", USER)


# -- the file ---------------------------------------------------------------

def check(folder, text=None, mode=0o600, **found):
    lines = {"upstream": "host=127.0.0.1 port=1", "auth": "scram", **found}
    if text is not None:
        lines["auth_file"] = auth_file(folder, text, mode)
    file = folder / "lockstep.conf"
    file.write_text("".join(f"{name} = {value}\n"
                            for name, value in lines.items()))
    return program.run("check", "-c", str(file))


KEYS = base64.b64encode(bytes(32)).decode()
GOOD = f'"u" "SCRAM-SHA-256$4096:c2FsdHNhbHQ=${KEYS}:{KEYS}"\n'


@needs_lockstep
def test_a_good_file(tmp_path):
    done = check(tmp_path, "; who may come\n\n" + GOOD)
    assert (done.returncode, done.stderr) == (0, "")


WRONG = {
    "a password": '"u" "s3cr3t"\n',
    "md5": '"u" "md5' + "5e7ae5c0" * 4 + '"\n',
    "no quotes": GOOD.replace('"', ""),
    "no second word": '"u"\n',
    "no end": GOOD[:-2],
    "no salt": GOOD.replace("c2FsdHNhbHQ=", ""),
    "a short key": GOOD.replace(KEYS, "AAAA"),
    "no base64": GOOD.replace(KEYS, "*" * len(KEYS)),
    "no iterations": GOOD.replace("4096", "0"),
    "a role twice": GOOD + GOOD,
    "a line that is no line": "s3cr3t\n",
}


@needs_lockstep
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_told_with_its_line(tmp_path, what):
    done = check(tmp_path, "\n" + WRONG[what])
    assert done.returncode == 1
    assert "auth_file:" in done.stderr
    assert ":2" in done.stderr or ":3" in done.stderr, done.stderr
    for secret in "s3cr3t", "5e7ae5c0", KEYS, "c2Fsd":
        assert secret not in done.stderr


TWO_LINES = GOOD.replace('"u"', '"new\nline"')


@needs_lockstep
def test_a_role_of_two_lines_is_left_out_alone(checking, server, tmp_path):
    lockstep = checking(TWO_LINES + server.verifiers("scram"))
    trace = outcome(lockstep, True, scram.Client(PASSWORD))
    assert not errors(trace) and trace[-1] == ("Z", ("I",))
    told = [event for event in lockstep.events()
            if "left out: " in event["message"]]
    assert [event["level"] for event in told] == ["warn", "warn"]
    for event, line in zip(told, "12"):
        assert f"auth_file:{line}: " in event["message"]
    assert KEYS not in lockstep.stderr()
    done = check(tmp_path, TWO_LINES + GOOD)
    assert done.returncode == 0, done.stderr
    told = done.stderr.splitlines()
    assert len(told) == 2
    for line, number in zip(told, "12"):
        assert line.startswith("left out: ")
        assert f"auth_file:{number}: " in line


@needs_lockstep
def test_a_file_that_is_half_written_is_refused(tmp_path):
    """Where SIGHUP comes amid the write, the roles that are to come would be
    locked out."""
    done = check(tmp_path, GOOD + TWO_LINES + GOOD.replace('"u"', '"v"')[:-5])
    assert done.returncode == 1
    assert "auth_file:4: " in done.stderr and "refused" in done.stderr
    assert "left out: " not in done.stderr
    assert KEYS not in done.stderr


@needs_lockstep
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666], ids=oct)
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    done = check(tmp_path, GOOD, mode)
    assert done.returncode == 1 and "permission" in done.stderr


@needs_lockstep
@pytest.mark.parametrize("found, word", [
    ({}, "auth_file"), ({"auth_file": "/none"}, "/none"),
    ({"auth": "maybe"}, "auth")], ids=str)
def test_settings_that_lack_something(tmp_path, found, word):
    done = check(tmp_path, **found)
    assert done.returncode == 1 and word in done.stderr


# -- passed through ---------------------------------------------------------

@needs_lockstep
@pytest.mark.parametrize("binding", [None, "prefer", "require"])
def test_binding_to_the_wrong_certificate_is_explained(passing, binding):
    """Not by libpq's puzzling words, but with the ways out."""
    options = attempt(passing, channel_binding=binding or "").libpq()
    with pytest.raises(psycopg.OperationalError) as refusal:
        clients.libpq_connect(**options)
    said = str(refusal.value)
    assert "Lockstep" in said
    assert "auth = scram" in said and "channel_binding=disable" in said
    assert psycopg_client(attempt(passing, channel_binding="disable")
                          ) == "tls>tls"


@needs_lockstep
def test_the_refusal_is_the_clients_own(passing):
    trace = outcome(passing, True, bound())
    error = errors(trace)[0]
    assert (error["S"], error["C"]) == ("FATAL", "28000")
    assert trace[-1] is CLOSED


OFFERS = [
    [scram.PLUS, scram.PLAIN],
    [scram.PLAIN, scram.PLUS],
    ["SCRAM-SHA-512", scram.PLUS, scram.PLAIN, "OAUTHBEARER"],
    [scram.PLUS, scram.PLUS, scram.PLAIN, scram.PLUS],
    [scram.PLAIN, "SCRAM-SHA-256-PLUS-2", "XSCRAM-SHA-256-PLUS"],
]


@needs_lockstep
@pytest.mark.parametrize("offer", OFFERS, ids=" ".join)
def test_plus_is_taken_off_wherever_it_stands(start_lockstep, offer):
    """For a client in clear: he could do nothing with it."""
    body = struct.pack("!I", scram.SASL) + b"".join(
        name.encode() + b"\0" for name in offer) + b"\0"
    with FakeServer(tls_server(pki.shared().server,
                               greeting=wire.message("R", body))) as fake:
        lockstep = start_lockstep(fake, {"sslmode": "require"})
        with Bare(lockstep) as session:
            assert scram.mechanisms(session, USER) == [
                name for name in offer if name != scram.PLUS]


@needs_lockstep
@pytest.mark.parametrize("encrypted", [False, True])
def test_an_honest_exchange_passes(passing, encrypted):
    trace = outcome(passing, encrypted, scram.Client(PASSWORD))
    assert wire.status(trace) == "I"


@needs_lockstep
def test_wrong_password_is_the_servers_to_refuse(passing, server):
    direct, seen = (errors(outcome(endpoint, True, scram.Client("wrong")))
                    for endpoint in (server, passing))
    assert seen == direct


# -- secrets ----------------------------------------------------------------

@needs_lockstep
def test_the_log_holds_no_secret(checking, server, start_lockstep):
    """Neither what is stored, nor what is told, nor what opens a key."""
    locked = pki.shared().client(USER, password="k3y-pass")
    lockstep = checking(
        log_level="debug",
        options={"sslmode": "require", "sslcert": locked.cert,
                 "sslkey": locked.key, "sslpassword": "k3y-pass"})
    clear = start_lockstep(server, {"sslmode": "require"}, log_level="debug")
    for password in PASSWORD, "wr0ng-pass":
        psycopg_client(attempt(lockstep, password=password))
        for method in "scram", "md5", "password":
            psycopg_client(Attempt(clear, role(method), "disable",
                                   password=password))
    stored = re.split(r"[$: \"\n]", server.verifiers("scram"))
    secrets = [PASSWORD, "wr0ng-pass", "k3y-pass",
               *(part for part in stored if len(part) > 15)]
    assert len(secrets) >= 6
    for proxy in lockstep, clear:
        proxy.stop()
        text = proxy.stderr()
        assert USER in text  # it has logged these sessions
        for secret in secrets:
            assert secret not in text
