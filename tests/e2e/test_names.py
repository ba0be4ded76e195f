"""Names are the system's: hosts file, name servers, and each as it is now.

Each Lockstep has a hosts file, a resolv.conf and a nsswitch.conf of its own,
in a mount namespace; who may not make one skips these tests.
"""
import json
import shutil
import socket
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import wire
from fake_server import GREETING, FakeServer, read_startup_in_clear
from program import Bare, startup_packet
from proxy import Lockstep, lockstep_bin

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("names are looked up before TLS")]

NAME = "primary.db.test"
MOUNT = """
for name in hosts resolv.conf nsswitch.conf; do
    mount --bind "$0/$name" "/etc/$name" || exit 77
done
exec "$@"
"""


def may_mount():
    try:
        return subprocess.run(["unshare", "-m", "mount", "--bind", "/etc/hosts",
                               "/etc/hosts"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module", autouse=True)
def needs_a_namespace():
    if not shutil.which("unshare") or not may_mount():
        pytest.skip("no mount namespace can be made here")


class Machine:
    """The files by which names are looked up; written in place."""

    def __init__(self, folder):
        self.folder = folder
        self.hosts()
        self.name_servers()
        (folder / "nsswitch.conf").write_text("hosts: files dns\n")

    def hosts(self, **names):
        self.write("hosts", [f"{address} {name.replace('_', '.')}"
                             for name, address in names.items()])

    def name_servers(self, *addresses):
        self.write("resolv.conf", [f"nameserver {a}" for a in addresses]
                   + ["options timeout:1 attempts:1"])

    def write(self, name, lines):
        with open(self.folder / name, "w", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in lines))


class Placed(Lockstep):
    """Lockstep on that machine."""

    def __init__(self, machine, port, **settings):
        super().__init__(SimpleNamespace(host=NAME, port=port), settings,
                         {"sslmode": "disable"})
        self.machine = machine

    def program(self):
        return ["unshare", "-m", "sh", "-c", MOUNT, str(self.machine.folder),
                lockstep_bin()]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def greet(name):
    """A script of a server that says who it is, and goes."""
    def script(connection, server):
        read_startup_in_clear(connection)
        server.seen.append(name)
        connection.sendall(wire.message("R", struct.pack("!I", 0))
                           + wire.message("S", b"who\0" + name + b"\0")
                           + GREETING[9:])

    return script


def who_answers(lockstep):
    """The name that the server said, or the error."""
    with Bare(lockstep) as session:
        session.send(startup_packet())
        trace = session.read_all()
    told = [fields[1] for kind, fields in trace
            if kind == "S" and fields[0] == "who"]
    return told[0] if told else wire.errors(trace)[0]["C"]


def test_name_of_the_hosts_file_that_moves_is_followed(machine):
    machine.hosts(primary_db_test="127.0.0.1")
    with FakeServer(greet(b"old")) as old, \
            FakeServer(greet(b"new"), "127.0.0.2", old.port), \
            Placed(machine, old.port, workers="2") as lockstep:
        assert [who_answers(lockstep) for _ in range(4)] == ["old"] * 4
        machine.hosts(primary_db_test="127.0.0.2")
        assert [who_answers(lockstep) for _ in range(4)] == ["new"] * 4
        machine.hosts()
        assert who_answers(lockstep) not in ("old", "new")


class ListeningByName(Placed):
    """At each address of a name; 127.0.0.1 is one of them."""

    host = "both.db.test"

    def _accepts(self):
        return accepts("127.0.0.1", self.port)


def accepts(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


def test_all_addresses_of_a_name_are_listened_at(machine):
    """One that this machine has not is passed over."""
    machine.write("hosts", [f"{address} {ListeningByName.host}" for address
                            in ("127.0.0.2", "192.0.2.1", "127.0.0.1")])
    with ListeningByName(machine, 1) as lockstep:
        assert accepts("127.0.0.2", lockstep.port)
        assert not accepts("127.0.0.3", lockstep.port)


# -- name servers -----------------------------------------------------------

class NameServer:
    """Port 53 of that address: every name is `answer`; None: it is silent."""

    def __init__(self, address, answer):
        self.answer = answer
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.bind((address, 53))
        except OSError as problem:
            self.socket.close()
            pytest.skip(f"no name server can be run here: {problem}")
        self.socket.settimeout(0.1)
        self.is_over = False
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.is_over = True
        self.thread.join()
        self.socket.close()

    def serve(self):
        while not self.is_over:
            try:
                question, peer = self.socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            if self.answer:
                self.socket.sendto(self.reply(question), peer)

    def reply(self, question):
        end = question.index(b"\0", 12) + 5
        is_ipv4 = question[end - 4:end - 2] == b"\0\x01"
        record = (b"\xc0\x0c\0\x01\0\x01" + struct.pack("!IH", 60, 4)
                  + socket.inet_aton(self.answer))
        return (question[:2] + b"\x81\x80\0\x01"
                + struct.pack("!HHH", is_ipv4, 0, 0) + question[12:end]
                + (record if is_ipv4 else b""))


SILENT, SPEAKING = "127.0.0.61", "127.0.0.62"


def logins(lockstep, count):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: who_answers(lockstep), range(count)))


def test_second_name_server_is_asked_where_the_first_is_silent(machine):
    machine.name_servers(SILENT, SPEAKING)
    with NameServer(SILENT, None) as silent, \
            NameServer(SPEAKING, "127.0.0.1"), \
            FakeServer(greet(b"db")) as server, \
            Placed(machine, server.port, log_format="json",
                   log_level="debug") as lockstep:
        assert logins(lockstep, 16) == ["db"] * 16
        assert silent.asked
        lockstep.stop()
        for line in lockstep.stderr().splitlines():
            assert {"time", "level", "message"} <= json.loads(line).keys()


def test_silent_name_server_delays_nobody_else(machine):
    """Nor the end of the process."""
    machine.name_servers(SILENT)
    machine.write("resolv.conf", [f"nameserver {SILENT}", "options timeout:9"])
    with NameServer(SILENT, None), FakeServer(greet(b"db")) as server, \
            Placed(machine, server.port, workers="1",
                   connect_timeout="1s") as lockstep:
        assert set(logins(lockstep, 40)) == {"57P03"}
        machine.hosts(primary_db_test="127.0.0.1")
        time.sleep(1)
        begun = time.monotonic()
        assert who_answers(lockstep) == "db"
        assert time.monotonic() - begun < 5
        begun = time.monotonic()
        lockstep.stop()
        assert time.monotonic() - begun < 5
