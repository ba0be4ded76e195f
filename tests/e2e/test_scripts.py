"""scripts/: what they install, where they build, and what they say."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg
import pytest

import proxy
import wire
from program import environment, free_endpoint

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("TLS is none of theirs")]

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_program(path, text):
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(0o755)


# -- install ----------------------------------------------------------------

FAKES = {
    "id": 'cat "$STATE/uid"',
    "dpkg-query": 'sed "s/^/installed /" "$STATE/installed"',
    "apt-cache": """
        case $1 in
        show) grep -qx "$2" "$STATE/lists" && echo "Package: $2" ;;
        search) grep -E "$3" "$STATE/lists" | sed 's/$/ - it/' ;;
        esac""",
    "apt-get": """
        echo "$*" | grep -oE '(update|install) .*|update' >>"$STATE/called"
        [[ $* != *update ]] || cp "$STATE/mirror" "$STATE/lists" """,
    "sudo": 'echo "sudo ${*##*/}" >>"$STATE/called"; exit 1',
}


class Machine:
    """A Debian that has, and could have, these packages."""

    def __init__(self, folder, lists=(), installed=(), mirror=(), uid=0):
        self.folder = folder
        for name, text in FAKES.items():
            write_program(folder / name, text)
        for name, words in (("lists", lists), ("installed", installed),
                            ("mirror", mirror or lists), ("uid", [str(uid)]),
                            ("called", [])):
            (folder / name).write_text("".join(f"{w}\n" for w in words))

    def install(self, *arguments):
        return subprocess.run(
            [ROOT / "scripts/install", *arguments], text=True,
            capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
            env={"STATE": str(self.folder),
                 "PATH": f"{self.folder}:/usr/bin:/bin"})

    def missing(self, *arguments):
        done = self.install("-n", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr.partition(" missing: ")[2].split()

    def called(self):
        return (self.folder / "called").read_text().splitlines()


OLD = ["libssl3", "libpq5", "postgresql-15", "postgresql-client-15"]
NEW = ["libssl3t64", "libpq5", "postgresql-9", "postgresql-17",
       "postgresql-client-17", "postgresql-17-cron"]


def test_names_are_those_of_the_release(tmp_path):
    machine = Machine(tmp_path, lists=OLD)
    assert "libssl3" in machine.missing("runtime")
    machine = Machine(tmp_path, lists=NEW)
    assert "libssl3t64" in machine.missing("runtime")
    assert "libssl3" not in machine.missing("runtime")


def test_server_is_the_newest_to_be_had(tmp_path):
    machine = Machine(tmp_path, lists=NEW)
    assert machine.missing("server") == ["postgresql-17",
                                         "postgresql-client-17"]


def test_server_that_is_installed_will_do(tmp_path):
    machine = Machine(tmp_path, lists=NEW, installed=["postgresql-13"])
    assert machine.missing("server") == ["postgresql-client-13"]


def test_nothing_is_called_where_nothing_is_missing(tmp_path):
    machine = Machine(tmp_path, installed=OLD, uid=1000)
    done = machine.install("server")
    assert (done.returncode, done.stderr, machine.called()) == (0, "", [])


def test_lists_that_lack_a_name_are_read_anew(tmp_path):
    others = machine_words("runtime")
    machine = Machine(tmp_path, installed=others, mirror=NEW)
    assert machine.install("runtime").returncode == 0
    assert machine.called() == [
        "update", "install --no-install-recommends libssl3t64"]


def machine_words(group):
    """The packages of a group that every release calls the same, and one name
    of those that do not, but for libssl3."""
    with tempfile.TemporaryDirectory() as folder:
        words = Machine(pathlib.Path(folder)).missing(group)
    return [word for word in words if not word.startswith("libssl3")]


def test_sudo_is_asked_once(tmp_path):
    machine = Machine(tmp_path, lists=NEW, uid=1000)
    done = machine.install("server")
    assert done.returncode == 1
    assert "to be installed: postgresql-17 postgresql-client-17" in done.stderr
    assert machine.called() == ["sudo install server"]


# -- build ------------------------------------------------------------------

PRESETS = """{"version": 6, "configurePresets": [{"name": "p", "generator":
"Ninja", "binaryDir": "${sourceDir}/build/${presetName}"}], "buildPresets":
[{"name": "p", "configurePreset": "p"}]}"""
PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(p NONE)
add_custom_command(OUTPUT ${PROJECT_SOURCE_DIR}/made
    COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_SOURCE_DIR}/made)
add_custom_target(lockstep ALL DEPENDS ${PROJECT_SOURCE_DIR}/made)
"""


def build(tree):
    done = subprocess.run([tree / "scripts/build", "p", "--target", "lockstep"],
                          text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_checkout_that_was_moved_is_built_where_it_is(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/build", before / "scripts")
    (before / "CMakePresets.json").write_text(PRESETS)
    (before / "CMakeLists.txt").write_text(PROJECT)
    build(before)
    assert (before / "made").exists()
    assert build(before) == ""  # nothing is to be done
    shutil.copytree(before, after)
    for tree in before, after:
        (tree / "made").unlink()
    build(after)
    assert (after / "made").exists() and not (before / "made").exists()


# -- run --------------------------------------------------------------------

class Checkout:
    """scripts/run with nothing to install or build."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "scripts").mkdir()
        (self.folder / "build/release").mkdir(parents=True)
        shutil.copy(ROOT / "scripts/run", self.folder / "scripts")
        for name in "install", "build":
            write_program(self.folder / "scripts" / name, "exit 0\n")
        shutil.copy(proxy.lockstep_bin(), self.folder / "build/release")
        self.place = free_endpoint()
        self.errors = self.folder / "errors"
        self.process = None

    def run(self, *arguments):
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [self.folder / "scripts/run", *arguments], text=True,
                stdout=subprocess.PIPE, stderr=errors, cwd="/",
                stdin=subprocess.DEVNULL, env=environment({
                    "LOCKSTEP_LISTEN": f"127.0.0.1:{self.place.port}",
                    "LOCKSTEP_DRAIN_TIMEOUT": "1min"}))
        return self.process.stdout.readline()

    def connect(self):
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while True:
            try:
                return psycopg.connect(
                    host=self.place.host, port=self.place.port,
                    user="postgres", dbname="postgres", autocommit=True)
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, self.errors.read_text()
                time.sleep(0.05)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        assert self.process.wait(wire.HANG_BOUND_S) == 0

    def until_said(self, what):
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while what not in self.errors.read_text():
            assert time.monotonic() < deadline, self.errors.read_text()
            time.sleep(0.02)


@pytest.fixture
def checkout():
    """In a place that every user can reach."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        checkout = Checkout(folder)
        yield checkout
        if checkout.process and checkout.process.poll() is None:
            checkout.process.kill()
            checkout.process.wait()


def test_run_tells_how_to_connect_and_how_to_stop(checkout, cluster):
    line = checkout.run("--upstream", f"host=127.0.0.1 port={cluster.port}")
    assert line == f"psql 'host=127.0.0.1 port={checkout.place.port}'\n"
    connection = checkout.connect()
    connection.execute("begin")
    checkout.process.send_signal(signal.SIGINT)
    checkout.until_said("Ctrl-C once more closes them at once")
    assert connection.execute("select 1").fetchone() == (1,)
    checkout.stop(signal.SIGINT)
    connection.close()


def test_run_makes_a_server_of_its_own(checkout):
    line = checkout.run()
    assert line == (f"psql 'host=127.0.0.1 port={checkout.place.port} "
                    "user=postgres dbname=postgres'\n")
    checkout.connect().close()
    checkout.stop()
    data = checkout.folder / ".lockstep/postgres/data"
    assert not (data / "postmaster.pid").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_run_by_root_is_run_by_who_has_the_checkout(checkout):
    owner = pwd.getpwnam("postgres")
    for path in checkout.folder, *checkout.folder.rglob("*"):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    checkout.run()
    checkout.connect().close()
    checkout.stop()
    made = [path for path in checkout.folder.rglob("*")
            if path != checkout.errors]
    assert {path.stat().st_uid for path in made} == {owner.pw_uid}
    assert checkout.folder / ".lockstep/postgres/data" in made


# -- test -------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["unit", "e2e", "fuzz"])
def test_test_that_there_is_not_is_named(kind):
    done = subprocess.run([ROOT / "scripts/test", kind, "nothing"], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1
    assert "there is no tests/" in done.stderr and "nothing" in done.stderr
