"""The same comparison up to the first ReadyForQuery: who may come, and how.

Every way to prove a password, honestly or not, and every version of the
protocol that a client may ask for.
"""

import hashlib
import os
import re
import socket
import struct
import subprocess
from dataclasses import dataclass

import pytest

import differential
import program
import scram
import wire
from clients import PASSWORD
from differential import DELIVERIES, Session, lines
from fake_server import FakeServer, read_packet
from program import SSL_REQUEST, startup_packet
from proxy import Lockstep
from scene import wait_asleep
from tap import Tap
from tls_roles import RoleCluster, role
from wire import CLOSED, extended, message, parse, query, sync

pytestmark = pytest.mark.clear_only("the server asks in clear")

PROTOCOL_3 = 3 << 16
PLAIN_PASSWORD, MD5 = 3, 5


@pytest.fixture(scope="module")
def server(request):
    with RoleCluster(request.config.getoption("--pg-bin"),
                     encrypted=False,
                     authentication_timeout="5s") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def passing(request, server):
    if request.config.getoption("--direct-only"):
        yield server
        return
    with Lockstep(server) as lockstep:
        yield lockstep


@pytest.fixture(scope="module")
def checking(request, server, tmp_path_factory):
    """A Lockstep that checks passwords itself."""
    if request.config.getoption("--direct-only"):
        yield server
        return
    file = tmp_path_factory.mktemp("auth") / "auth_file"
    file.write_text(server.verifiers("scram"))
    file.chmod(0o600)
    with Lockstep(server, {"auth": "scram", "auth_file": str(file)}) as proxy:
        yield proxy


# -- what a client answers --------------------------------------------------

def password(text):
    return message("p", text.encode() + b"\0")


@dataclass
class Honest:
    """As a client that knows this password, or believes so."""
    password: str
    claims: dict = None
    exchange: scram.Client = None

    def answer(self, session, code, data):
        if code == PLAIN_PASSWORD:
            return password(self.password)
        if code == MD5:
            inner = self.password + session.user
            inner = hashlib.md5(inner.encode()).hexdigest().encode()
            return password("md5" + hashlib.md5(inner + data).hexdigest())
        if code == scram.SASL:
            self.exchange = scram.Client(self.password, **(self.claims or {}))
            return self.exchange.initial()
        if code == scram.SASL_CONTINUE:
            self.exchange.server_first = data.decode()
            return self.exchange.final()
        if code == scram.SASL_FINAL and not self.claims:
            self.exchange.server_final = data.decode()
            self.exchange.verify()
        return b""


@dataclass
class Recited:
    """These answers, whatever is asked; then silence, or the end."""
    answers: tuple
    leaves: bool = False

    def answer(self, session, _code, _data):
        session.told += 1
        if session.told <= len(self.answers):
            return self.answers[session.told - 1]
        if self.leaves:
            session.socket.shutdown(socket.SHUT_WR)
        return b""


def log_in(session, user, client, version=PROTOCOL_3, **parameters):
    """Every message up to ReadyForQuery or the end."""
    session.user = user
    session.told = 0
    session.say(startup_packet(version, user=user, database="postgres",
                               **parameters))
    trace = []
    while not trace or (trace[-1] is not CLOSED and trace[-1][0] != "Z"):
        frame = session.read_frame()
        trace.append(CLOSED if frame is CLOSED else session.decode(*frame))
        if frame[0] == "R":
            code = struct.unpack_from("!I", frame[1])[0]
            session.say(client.answer(session, code, frame[1][4:]))
        elif frame[0] == "K":
            session.pid = struct.unpack_from("!I", frame[1])[0]
            session.secret = frame[1][4:]
    return trace


def sasl(data, mechanism=scram.PLAIN):
    return message("p", mechanism.encode() + b"\0"
                   + struct.pack("!i", len(data)) + data)


HONEST = Honest(PASSWORD)
WRONG = Honest("wrong")
LEAVES = Recited((), leaves=True)

# name: method of the role, the client
LOGINS = {
    "trust": ("trust", HONEST),
    "trust, unasked password": ("trust", Recited((password("unasked"),))),
    **{f"{method}, {name}": (method, client)
       for method in ("password", "md5", "scram")
       for name, client in {
           "right": HONEST, "wrong": WRONG, "empty": Honest(""),
           "long": Honest("x" * 900), "leaves": LEAVES,
           "Terminate instead": Recited((wire.terminate(),)),
           "a bare message": Recited((message("p"),)),
           "no terminator": Recited((message("p", b"x"),)),
       }.items()},
    "md5, in clear": ("md5", Recited((password(PASSWORD),))),
    "scram, wrong proof": ("scram", Honest(PASSWORD, {"spoil_proof": True})),
    "scram, no binding possible": ("scram", Honest(PASSWORD, {"gs2": "y,,"})),
    "scram, bound in clear": ("scram", Honest(PASSWORD, {
        "mechanism": scram.PLUS, "gs2": f"p={scram.END_POINT},,",
        "binding": bytes(32)})),
    "scram, unknown mechanism": ("scram", Honest(PASSWORD, {
        "mechanism": "SCRAM-SHA-1"})),
    "scram, malformed": ("scram", Recited((sasl(b"what"),))),
    "scram, no nonce": ("scram", Recited((sasl(b"n,,n="),))),
    "scram, bad length": ("scram", Recited((message(
        "p", b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,"),))),
    "scram, nothing first": ("scram", Recited((message(
        "p", b"SCRAM-SHA-256\0\xff\xff\xff\xff"), sasl(b"n,,n=")))),
    "scram, leaves amid": ("scram", Recited((sasl(b"n,,n=,r=abc"),), True)),
    "scram, bad final": ("scram", Recited((sasl(b"n,,n=,r=abc"),
                                          message("p", b"c=biws,r=abc")))),
    "nobody": ("nobody", HONEST),
}


def told(endpoint, name, delivery):
    """What is seen of a login and of a session behind it."""
    method, client = LOGINS[name]
    with Session(endpoint, delivery) as session:
        trace = log_in(session, role(method), client)
        if trace[-1] is not CLOSED:
            trace += use(session)
    return lines(trace)


def use(session):
    """With a guarded statement before, amid and after."""
    trace = []
    drop = "drop table doomed_c"
    for messages in (
            [query("create temp table doomed_a (id int primary key); "
                   "create temp table doomed_b (id int primary key); "
                   "create temp table doomed_c (a int references doomed_a, "
                   "b int references doomed_b)")], [query(drop)],
            [*extended("select user"), sync(), parse(drop), sync()],
            [query("drop table doomed_a")], [query("select 1/0")]):
        session.say(*messages)
        trace += session.read_ready(wire.ready_count(messages))
    return trace


@pytest.mark.parametrize("name", LOGINS)
def test_login_equals_direct(server, passing, name):
    expected = told(server, name, DELIVERIES["packet"])
    for delivery in DELIVERIES.values():
        assert told(passing, name, delivery) == expected


def refused_query(endpoint, method, delivery):
    """A guarded statement in place of a password."""
    with Session(endpoint, delivery) as session:
        session.say(startup_packet(user=role(method), database="postgres"))
        trace = [session.read()]
        session.say(query(differential.GUARDED))
        return lines(trace + session.read_all())


@pytest.mark.parametrize("method", ["password", "md5", "scram"])
def test_a_query_instead_of_a_password_equals_direct(server, passing, method):
    expected = refused_query(server, method, DELIVERIES["packet"])
    mark = server.log_mark()
    for delivery in DELIVERIES.values():
        assert refused_query(passing, method, delivery) == expected
    assert differential.GUARDED not in server.log(mark)


# -- versions of the protocol -----------------------------------------------

OPTIONS = {
    "none": {},
    "one": {"_pq_.lockstep_test": "on"},
    "several": {"_pq_.b": "", "_pq_.a": "x", "_pq_.": "y",
                "_pq_.long": "z" * 1000},
    "among others": {"_pq_.x": "1", "application_name": "e2e",
                     "options": "-c work_mem=777kB"},
}


def versioned(server, endpoint, delivery, version, options):
    """A session of that version, up to a cancel with its own key."""
    with Session(endpoint, delivery) as session:
        trace = log_in(session, role("scram"), Honest(PASSWORD), version,
                       **options)
        if trace[-1] is not CLOSED:
            trace += use(session)
            session.say(query("select pg_sleep(60)"))
            wait_asleep(server, session)
            wire.cancel(endpoint, session)
            trace += session.read_ready()
    return lines(trace)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("minor", [0, 1, 2, 3, 9999])
def test_version_equals_direct(server, passing, minor, options):
    case = PROTOCOL_3 + minor, OPTIONS[options]
    expected = versioned(server, server, DELIVERIES["packet"], *case)
    for delivery in DELIVERIES.values():
        assert versioned(server, passing, delivery, *case) == expected
    assert "57014" in expected
    with server.connect() as admin:
        has_long = admin.info.server_version >= 180000 and minor >= 2
    assert f"a key of {32 if has_long else 4} bytes" in expected


def asked_late(told):
    """As a Lockstep tells it that asks the server when it knows the client:
    what the server made of the version comes with the end of the login."""
    first, *rest = told.split("\n")
    if first.startswith("v "):
        rest.insert(rest.index("R (0, b'')"), first)
        return "\n".join(rest)
    return told


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("minor", [0, 1, 2, 3, 9999])
def test_version_where_lockstep_checks(server, checking, minor, options):
    case = PROTOCOL_3 + minor, OPTIONS[options]
    expected = versioned(server, server, DELIVERIES["packet"], *case)
    for delivery in DELIVERIES.values():
        seen = versioned(server, checking, delivery, *case)
        assert seen == asked_late(expected)


# -- warnings behind the password -------------------------------------------

@pytest.fixture
def soon_expired(server):
    with server.connect() as admin:
        until, = admin.execute("select now() + '1 day'").fetchone()
        admin.execute(f"alter role {role('scram')} valid until '{until}'")
        yield
        admin.execute(f"alter role {role('scram')} valid until 'infinity'")


def greeted(endpoint, method, delivery):
    """Of a login, without the minutes in its words."""
    with Session(endpoint, delivery) as session:
        trace = log_in(session, role(method), Honest(PASSWORD))
        return re.sub(r"expire in \d+ \w+", "expire", lines(trace))


@pytest.mark.parametrize("method, warning", [
    ("md5", "MD5-encrypted"), ("scram", "will expire soon")])
def test_a_warning_about_the_password_equals_direct(
        server, passing, soon_expired, method, warning):
    expected = greeted(server, method, DELIVERIES["packet"])
    for delivery in DELIVERIES.values():
        assert greeted(passing, method, delivery) == expected
    with server.connect() as admin:
        warns = admin.info.server_version >= 190000
    assert (warning in expected) == warns


@pytest.mark.needs_lockstep
def test_a_warning_where_lockstep_checks(server, checking, soon_expired):
    expected = greeted(server, "scram", DELIVERIES["packet"])
    for delivery in DELIVERIES.values():
        assert greeted(checking, "scram", delivery) == expected


# -- the client of the server's own version ----------------------------------

def frames(said, begins_with_packet):
    """(type, body) each; of what differs from login to login the length."""
    seen = []
    if begins_with_packet:
        length, = struct.unpack_from("!I", said)
        seen.append(("startup", said[4:length]))
        said = said[length:]
    while said:
        kind, length = struct.unpack_from("!cI", said)
        body = said[5:length + 1]
        kept = {b"R": body[:4], b"K": b"", b"p": b""}.get(kind, body)
        seen.append((kind, len(body), kept))
        said = said[length + 1:]
    return seen


def psql(endpoint, pg_bin, method, *options):
    """What the server's own psql says and is told, printed and sent."""
    with Tap(endpoint) as tap:
        done = subprocess.run(
            [os.path.join(pg_bin, "psql"), "-X", "-d", " ".join([
                f"host={tap.host} port={tap.port} user={role(method)}",
                f"password='{PASSWORD}' dbname=postgres sslmode=disable",
                "gssencmode=disable", *options]),
             "-c", "select 1", "-c", "create temp table doomed (id int)",
             "-c", "drop table doomed", "-c", "select 1/0"],
            capture_output=True, text=True, env=program.environment(),
            timeout=wire.HANG_BOUND_S, stdin=subprocess.DEVNULL)
        assert tap.ended.wait(wire.HANG_BOUND_S)
        printed = (done.stdout + done.stderr).replace(str(tap.port), "PORT")
        return (done.returncode, printed, frames(b"".join(tap.heard), True),
                frames(b"".join(tap.told), False))


VERSIONS = {"default": [], "3.0": ["max_protocol_version=3.0"],
            "3.2": ["max_protocol_version=3.2"],
            "latest": ["max_protocol_version=latest"],
            "no less than 3.2": ["min_protocol_version=3.2"]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["trust", "password", "md5", "scram"])
def test_psql_equals_direct(server, passing, method, version):
    with server.connect() as admin:
        if VERSIONS[version] and admin.info.server_version < 180000:
            pytest.skip("its psql has but one version")
    case = server.pg_bin, method, *VERSIONS[version]
    expected = psql(server, *case)
    assert "division by zero" in expected[1]
    assert psql(passing, *case) == expected


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("version", VERSIONS)
def test_psql_where_lockstep_checks(server, checking, version):
    with server.connect() as admin:
        if VERSIONS[version] and admin.info.server_version < 180000:
            pytest.skip("its psql has but one version")
    case = server.pg_bin, "scram", *VERSIONS[version]
    assert psql(checking, *case) == psql(server, *case)


# -- keys of any length, by a server that gives them ------------------------

def key_server(secret):
    """Greets in version 3.2 with this key; remembers who cancels."""
    greeting = (message("R", bytes(4)) + message(
        "K", struct.pack("!I", 4711) + secret) + message("Z", b"I"))

    def script(connection, server):
        packet = read_packet(connection)
        if packet == SSL_REQUEST[4:]:
            connection.sendall(b"N")
            packet = read_packet(connection)
        server.seen.append(packet)
        if packet[:2] != b"\0\3":
            return
        connection.sendall(greeting)
        while connection.recv(65536):
            pass

    return script


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("length", [4, 5, 32, 255, 256])
def test_long_keys_pass_and_cancel(start_lockstep, request, length, delivery):
    secret = bytes(i % 256 for i in range(1, length + 1))
    with FakeServer(key_server(secret)) as fake:
        endpoint = fake if request.config.getoption("--direct-only") \
            else start_lockstep(fake)
        with Session(endpoint, DELIVERIES[delivery]) as session:
            trace = log_in(session, "anybody", HONEST, PROTOCOL_3 + 2)
            assert trace[-2:] == [("K", (f"a key of {length} bytes",)),
                                  ("Z", ("I",))]
            assert (session.pid, session.secret) == (4711, secret)
            wire.cancel(endpoint, session)
        startup, *cancels = [seen for seen in fake.seen if seen]
    assert startup[:4] == struct.pack("!I", PROTOCOL_3 + 2)
    assert cancels == [struct.pack("!II", 80877102, 4711) + secret]
