"""`proxy_protocol_networks`: where a load balancer says that its client is."""

import shutil
import socket
import ssl
import struct
import subprocess
import time

import pytest

import pki
import wire
from cluster import free_port
from program import SSL_REQUEST, startup_packet
from test_reload import Configured

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("it is about what stands before TLS")]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT = "192.0.2.7"
V1 = f"PROXY TCP4 {CLIENT} 10.0.0.1 12345 7432\r\n".encode()
V2 = (SIGNATURE + b"\x21\x11\0\x0c" + socket.inet_aton(CLIENT)
      + socket.inet_aton("10.0.0.1") + struct.pack("!HH", 12345, 7432))
V2_IPV6 = (SIGNATURE + b"\x21\x21\0\x24"
           + socket.inet_pton(socket.AF_INET6, "fd00::7")
           + socket.inet_pton(socket.AF_INET6, "fd00::1")
           + struct.pack("!HH", 12345, 7432))
LOCAL = SIGNATURE + b"\x20\0\0\0"
HEADERS = {"v1": V1, "v2": V2}
BALANCER, ELSEWHERE = "127.0.0.1", "127.0.0.2"
LOGIN = startup_packet(user="postgres", database="postgres")
HAPROXY = """
defaults
    mode tcp
    timeout connect 10s
    timeout client 1m
    timeout server 1m
listen lockstep
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{upstream} {how}
"""


@pytest.fixture
def start(cluster):
    started = []

    def go(**settings):
        settings.setdefault("proxy_protocol_networks", BALANCER)
        lockstep = Configured(cluster, **settings)
        started.append(lockstep)
        lockstep.start()
        return lockstep

    yield go
    for lockstep in started:
        lockstep.remove()


def connect(lockstep, source=BALANCER):
    return socket.create_connection((BALANCER, lockstep.port),
                                    wire.HANG_BOUND_S,
                                    source_address=(source, 0))


def read_all(client, until=b"Z\0\0\0\5I"):
    got = b""
    while not got.endswith(until):
        more = client.recv(4096)
        if not more:
            break
        got += more
    return got


def answer(lockstep, *pieces, source=BALANCER):
    with connect(lockstep, source) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.01)
        return read_all(client)


def is_let_in(got):
    return got.endswith(b"Z\0\0\0\5I")


def is_refused(got):
    return b"\0C08P01\0" in got and b"proxy_protocol_networks" in got


def clients(lockstep):
    """The addresses of all sessions."""
    _, text = lockstep.ask("GET", "/api/sessions")
    return text


@pytest.mark.parametrize("header", HEADERS)
def test_the_header_tells_where_a_client_is(start, header):
    lockstep = start()
    with connect(lockstep) as client:
        client.sendall(HEADERS[header] + LOGIN)
        assert is_let_in(read_all(client))
        assert f'"{CLIENT}"' in clients(lockstep)
        client.sendall(wire.query("select inet_client_addr()"))
        assert is_let_in(read_all(client))


def test_an_address_of_ipv6(start):
    lockstep = start()
    with connect(lockstep) as client:
        client.sendall(V2_IPV6 + LOGIN)
        assert is_let_in(read_all(client))
        assert '"fd00::7"' in clients(lockstep)


@pytest.mark.parametrize("header", HEADERS)
def test_it_may_come_in_pieces(start, header):
    lockstep = start()
    whole = HEADERS[header] + SSL_REQUEST + LOGIN
    pieces = [whole[i:i + 5] for i in range(0, len(whole), 5)]
    got = answer(lockstep, *pieces)
    assert got[:1] == b"N" and is_let_in(got)


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
def test_a_load_balancers_own_connection_has_its_own_address(start, header):
    lockstep = start()
    with connect(lockstep) as client:
        client.sendall(header + LOGIN)
        assert is_let_in(read_all(client))
        assert f'"{BALANCER}"' in clients(lockstep)


def test_without_a_header_nobody_comes_from_there(start):
    lockstep = start()
    for bad in LOGIN, b"PROXY TCP4 1 2 3 4\r\n" + LOGIN, b"GET / HTTP/1.1\r\n":
        assert is_refused(answer(lockstep, bad))
    line = next(e for e in lockstep.events()
                if e.get("reason") == "proxy-header")
    assert line["client"].startswith(f"{BALANCER} port ")


def test_nobody_else_is_believed_one(start):
    lockstep = start()
    assert is_let_in(answer(lockstep, LOGIN, source=ELSEWHERE))
    for header in HEADERS.values():
        got = answer(lockstep, header + LOGIN, source=ELSEWHERE)
        assert not is_let_in(got)
    assert CLIENT not in lockstep.stderr()


def test_allow_goes_by_the_client(start):
    lockstep = start(allow=f"{CLIENT}, {ELSEWHERE}")
    assert is_let_in(answer(lockstep, V2 + LOGIN))
    for other in (V1.replace(CLIENT.encode(), b"192.0.2.8"), LOCAL):
        assert b"\0C28000\0" in answer(lockstep, other + LOGIN)
    line = next(e for e in lockstep.events()
                if e.get("reason") == "not-allowed")
    assert line["client"] == "192.0.2.8 port 12345"


def test_a_rule_goes_by_the_client(start, database, admin):
    """Its policy, as an error tells, is that of the address."""
    admin.execute("create table a(id int primary key)")
    admin.execute("create table b(id int references a)")
    lockstep = start(rules="[rule]\nclient = 192.0.2.*\npolicy = reject\n")
    login = startup_packet(user="postgres", database=database)
    for header, is_rejected in (V2, True), (LOCAL, False):
        with connect(lockstep) as client:
            client.sendall(header + login)
            assert is_let_in(read_all(client))
            client.sendall(wire.query("drop table b"))
            assert (b"\0C42501\0" in read_all(client)) == is_rejected


def test_tls_begins_behind_it(start):
    own = pki.shared().lockstep
    lockstep = start(tls_mode="require", tls_cert=own.cert, tls_key=own.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(lockstep) as client:
        client.sendall(V2 + SSL_REQUEST)
        assert client.recv(1) == b"S"
        with context.wrap_socket(client) as secured:
            secured.sendall(LOGIN)
            assert is_let_in(read_all(secured))
            assert f'"{CLIENT}"' in clients(lockstep)


def test_who_says_nothing_is_waited_for_as_a_login_is(start):
    lockstep = start(login_timeout="300ms")
    for begun in b"", V1[:10], V2[:20]:
        assert b"\0C57014\0" in answer(lockstep, begun)


@pytest.mark.skipif(not shutil.which("haproxy"), reason="there is no haproxy")
@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2"])
def test_haproxy(start, tmp_path, how):
    lockstep = start()
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, upstream=lockstep.port,
                                     how=how))
    balancer = subprocess.Popen(["haproxy", "-db", "-f", config])
    try:
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while True:
            try:
                client = socket.create_connection(
                    ("127.0.0.1", port), wire.HANG_BOUND_S,
                    source_address=("127.0.0.9", 0))
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with client:
            client.sendall(LOGIN)
            assert is_let_in(read_all(client))
            assert '"127.0.0.9"' in clients(lockstep)
    finally:
        balancer.terminate()
        balancer.wait(wire.HANG_BOUND_S)
