"""From the first byte of a connection to its first ReadyForQuery."""
import itertools
import socket
import struct
from types import SimpleNamespace

import psycopg
import pytest

import wire
from cluster import Cluster
from program import (GSSENC_REQUEST, PROTOCOL_3_0, SSL_REQUEST, Bare, Program,
                     free_endpoint, listen_text, startup_packet)
from proxy import Lockstep
from wire import CLOSED, Wire, sqlstates

PASSWORD = "a password"
AUTHENTICATION = {"trust": 0, "password": 3, "md5": 5, "scram-sha-256": 10}


def has_ipv6():
    try:
        free_endpoint("::1")
        return True
    except OSError:
        return False


@pytest.fixture
def exchange(direct, lockstep):
    """Do the same with both; Lockstep's outcome must be the server's."""
    def run(action):
        expected, seen = (action(endpoint) for endpoint in (direct, lockstep))
        assert seen == expected
        return seen

    return run


def raw_answer(endpoint, *packets):
    """The whole answer, up to the end of the connection or the greeting's."""
    with Bare(endpoint) as session:
        session.send(*packets)
        return session.read_until("Z")


# -- encryption requests ----------------------------------------------------

@pytest.mark.needs_lockstep
@pytest.mark.parametrize("requests", [
    requests for length in (1, 2) for requests in
    itertools.permutations([SSL_REQUEST, GSSENC_REQUEST], length)],
    ids=["ssl", "gss", "ssl, gss", "gss, ssl"])
@pytest.mark.parametrize("by", ["packet", "byte"])
def test_encryption_requests_are_answered_no(lockstep, requests, by):
    with Bare(lockstep) as session:
        for request in requests:
            session.send(request, by=by)
            assert session.read_byte() == b"N"
        assert wire.status(session.log_in()) == "I"
        assert wire.rows(session.query("select 1")) == [("1",)]


def test_libpq_that_requires_tls_is_told_so(lockstep):
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        psycopg.connect(host=lockstep.host, port=lockstep.port,
                        user="postgres", sslmode="require")


# -- startup packets --------------------------------------------------------

def test_greeting_is_the_servers(exchange):
    greeting = exchange(lambda endpoint: raw_answer(
        endpoint, startup_packet(user="postgres", database="postgres",
                                 application_name="e2e",
                                 options="-c work_mem=777kB",
                                 client_encoding="LATIN1")))
    assert ("S", ("client_encoding", "LATIN1")) in greeting


def test_startup_packet_may_come_byte_by_byte(lockstep):
    with Bare(lockstep) as session:
        session.send(startup_packet(), by="byte")
        assert wire.status(session.read_ready()) == "I"


def test_statements_may_follow_the_startup_packet_at_once(exchange):
    def talk(endpoint):
        with Bare(endpoint) as session:
            session.send(startup_packet(), wire.query("select 1"),
                         *wire.extended("select 2"), wire.sync())
            return session.read_ready(3)

    assert wire.rows(exchange(talk)) == [("1",), ("2",)]


@pytest.mark.parametrize("minor", [1, 2, 99])
def test_later_minor_versions_are_negotiated_by_the_server(exchange, minor):
    parameters = {"user": "postgres", "_pq_.lockstep_test": "on",
                  "_pq_.other": "x"}
    trace = exchange(lambda endpoint: raw_answer(
        endpoint, startup_packet(PROTOCOL_3_0 + minor, **parameters)))
    assert "v" in [kind for kind, _fields in trace]
    assert wire.status(trace) == "I"


@pytest.mark.parametrize("parameters", [
    {"database": "postgres"},
    {"user": "postgres", "database": "no_such_database"},
    {"user": "no_such_user", "database": "postgres"},
    {"user": "postgres", "no_such_parameter": "1"},
    {"user": "postgres", "replication": "nonsense"},
], ids=lambda parameters: " ".join(parameters))
def test_refusals_are_the_servers(exchange, parameters):
    trace = exchange(lambda endpoint: raw_answer(
        endpoint, startup_packet(**parameters)))
    assert trace[-1] is CLOSED
    assert len(sqlstates(trace)) == 1


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("major", [1, 2, 4])
def test_other_major_versions_are_refused_in_version_3(lockstep, major):
    trace = raw_answer(lockstep, startup_packet(major << 16, user="postgres"))
    assert [kind for kind, _fields in trace] == ["E", "closed"]
    assert sqlstates(trace) == ["0A000"]
    assert wire.errors(trace)[0]["S"] == "FATAL"


JUNK = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS without asking": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "length 0": struct.pack("!II", 0, PROTOCOL_3_0),
    "length 4": struct.pack("!I", 4) + b"xxxx",
    "length 7": struct.pack("!I", 7) + b"xxxx",
    "length 10001": struct.pack("!II", 10001, PROTOCOL_3_0) + b"x" * 20000,
    "length 2^31": struct.pack("!II", 1 << 31, PROTOCOL_3_0),
    "no terminator": struct.pack("!II", 12, PROTOCOL_3_0) + b"user",
    "a name without value": struct.pack("!II", 14, PROTOCOL_3_0) + b"user\0\0",
    "zeros": bytes(64),
    "short cancel": struct.pack("!II", 8, 80877102),
    "a lone byte": b"\0",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
def test_junk_ends_only_its_own_connection(lockstep, junk):
    """Closed, with an error or without; as soon as it is known to be junk."""
    with Wire(lockstep) as other:
        with Bare(lockstep) as session:
            session.send(junk)
            if len(junk) < 8:
                session.socket.shutdown(socket.SHUT_WR)
            trace = session.read_all()
        assert all(kind in ("E", "closed") for kind, _fields in trace)
        assert wire.rows(other.query("select 1")) == [("1",)]


# -- authentication ---------------------------------------------------------

@pytest.fixture(scope="module")
def guarded_cluster(request):
    """A role for each method; the methods decide by the role's name."""
    settings = {"listen_addresses": "127.0.0.1,::1" if has_ipv6()
                else "127.0.0.1"}
    with Cluster(request.config.getoption("--pg-bin"), settings) as cluster:
        with cluster.connect() as admin:
            rules = ["host all postgres all trust", "local all all trust"]
            for method in AUTHENTICATION:
                stored = "md5" if method == "md5" else "scram-sha-256"
                admin.execute(f"set password_encryption = '{stored}'")
                admin.execute(f'create role "{method}" login '
                              f"password '{PASSWORD}'")
                rules.append(f'host all "{method}" all {method}')
            with open(f"{cluster.data}/pg_hba.conf", "w") as hba:
                hba.write("\n".join(rules) + "\n")
            admin.execute("select pg_reload_conf()")
        yield cluster


@pytest.fixture(scope="module")
def guarded_lockstep(request, guarded_cluster):
    if request.config.getoption("--direct-only"):
        yield guarded_cluster
        return
    with Lockstep(guarded_cluster) as lockstep:
        yield lockstep


@pytest.mark.parametrize("method", AUTHENTICATION)
def test_authentication_passes(guarded_cluster, guarded_lockstep, method):
    for endpoint in (guarded_cluster, guarded_lockstep):
        with Bare(endpoint) as session:
            session.send(startup_packet(user=method, database="postgres"))
            kind, code = session.read()
            assert (kind, code[0]) == ("R", AUTHENTICATION[method])
        with psycopg.connect(host=endpoint.host, port=endpoint.port,
                             user=method, password=PASSWORD,
                             dbname="postgres") as connection:
            assert connection.execute("select user").fetchone() == (method,)


@pytest.mark.parametrize("method", list(AUTHENTICATION)[1:])
def test_wrong_password_is_refused_by_the_server(
        guarded_cluster, guarded_lockstep, method):
    complaints = []
    for endpoint in (guarded_cluster, guarded_lockstep):
        with pytest.raises(psycopg.OperationalError) as refusal:
            psycopg.connect(host=endpoint.host, port=endpoint.port,
                            user=method, password="wrong", dbname="postgres")
        complaints.append(str(refusal.value).split("FATAL")[1:])
    assert complaints[0] == complaints[1]
    assert "password authentication failed" in complaints[0][0]


# -- addresses --------------------------------------------------------------

def assert_serves(endpoint):
    with Bare(endpoint) as session:
        assert wire.status(session.log_in()) == "I"
        assert wire.rows(session.query("select 1")) == [("1",)]


@pytest.mark.needs_lockstep
def test_listens_at_several_places(cluster, tmp_path):
    endpoints = [free_endpoint(), free_endpoint(str(tmp_path))]
    if has_ipv6():
        endpoints.append(free_endpoint("::1"))
    with Program(endpoints[0], "--listen", listen_text(*endpoints),
                 "--upstream", cluster.conninfo()) as lockstep:
        for endpoint in endpoints:
            assert_serves(endpoint)
        mode = (tmp_path / ".s.PGSQL.5432").stat().st_mode
        assert mode & 0o777 == 0o777
        lockstep.stop()
    assert not (tmp_path / ".s.PGSQL.5432").exists()


@pytest.mark.needs_lockstep
def test_a_dead_ones_socket_is_taken_over(cluster, tmp_path):
    """The file of a process that was killed is in nobody's way."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / ".s.PGSQL.5432"))
    endpoint = free_endpoint(str(tmp_path))
    with Program(endpoint, "--listen", listen_text(endpoint), "--set",
                 "unix_socket_mode=0700", "--upstream", cluster.conninfo()):
        assert_serves(endpoint)
        mode = (tmp_path / ".s.PGSQL.5432").stat().st_mode
        assert mode & 0o777 == 0o700


@pytest.mark.needs_lockstep
def test_upstream_over_a_unix_socket(cluster, start_lockstep):
    assert_serves(start_lockstep(SimpleNamespace(host=cluster.socket_dir,
                                                 port=cluster.port)))


@pytest.mark.needs_lockstep
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_upstream_over_ipv6(guarded_cluster, start_lockstep):
    assert_serves(start_lockstep(SimpleNamespace(host="::1",
                                                 port=guarded_cluster.port)))


@pytest.mark.needs_lockstep
def test_upstream_by_name(cluster, start_lockstep):
    assert_serves(start_lockstep(SimpleNamespace(host="localhost",
                                                 port=cluster.port)))
