"""What makes an exploit harder: in the program, the process and the unit."""
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys

import pytest

import proxy
from program import Program, free_endpoint

pytestmark = pytest.mark.needs_lockstep

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "conf" / "lockstep.service"
EXPOSURE_MAX = 20  # tenths, as systemd-analyze counts them

# What is installed alone is built so.
of_a_release = pytest.mark.skipif(
    not os.environ.get("LOCKSTEP_RELEASED"), reason="not a release")
of_x86 = pytest.mark.skipif(platform.machine() != "x86_64",
                            reason="a protection of x86")
by_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"),
                                reason="no systemd-analyze")


def told(*command):
    return subprocess.run(command, check=True, text=True,
                          capture_output=True, timeout=120).stdout


def readelf(what):
    return told("readelf", what, "-W", proxy.lockstep_bin())


# -- the program ------------------------------------------------------------

@of_a_release
def test_it_is_loaded_where_nobody_knows():
    assert re.search(r"Type:\s+DYN \(Position-Independent", readelf("-h"))
    assert re.search(r"FLAGS_1\).*\bPIE\b", readelf("-d"))


@of_a_release
def test_what_the_linker_fills_in_is_read_only():
    assert "GNU_RELRO" in readelf("-l")
    assert re.search(r"\(FLAGS\).*BIND_NOW", readelf("-d"))


@of_a_release
def test_no_page_can_be_written_and_run():
    segments = re.findall(r"^ +(LOAD|GNU_STACK) .*? 0x\w+ ([RWE ]{3}) ",
                          readelf("-l"), re.M)
    assert {"LOAD", "GNU_STACK"} == {kind for kind, _flags in segments}
    assert not [s for s in segments if "W" in s[1] and "E" in s[1]]


@of_a_release
def test_the_stack_is_guarded_and_copies_are_checked():
    names = set(re.findall(r"UND (\w+)@", readelf("--dyn-syms")))
    assert "__stack_chk_fail" in names
    assert {"__memcpy_chk", "__snprintf_chk"} <= names


@of_a_release
@of_x86
def test_a_return_goes_where_it_came_from():
    assert re.search(r"x86 feature:.*SHSTK", readelf("-n"))


@of_a_release
@of_x86
def test_functions_of_ours_are_places_to_jump_to():
    code = told("objdump", "-d", "--disassemble=main", proxy.lockstep_bin())
    assert re.search(r"<main>:\n[^\n]*\bendbr64", code)


@of_a_release
def test_nothing_of_it_is_there_for_tests():
    """What stops an exchange at a phase is in no build but theirs."""
    with open(proxy.lockstep_bin(), "rb") as program:
        content = program.read()
    assert b"guarded statement" in content
    assert b"EXCHANGE_STOPS" not in content
    assert "exchange_stop" not in told("nm", proxy.lockstep_bin())


# -- the process ------------------------------------------------------------

def unlimited_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)


def ends_with_core(tmp_path, process):
    """True if the kernel says that it has written one."""
    process.send_signal(signal.SIGQUIT)
    _pid, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGQUIT
    assert os.WTERMSIG(status) == signal.SIGQUIT
    for core in tmp_path.glob("core*"):
        core.unlink()
    return os.WCOREDUMP(status)


@pytest.fixture
def dumps(tmp_path):
    """Skips where the kernel writes no core of anybody."""
    process = subprocess.Popen([sys.executable, "-c", "input()"],
                               stdin=subprocess.PIPE, cwd=tmp_path,
                               preexec_fn=unlimited_core)
    if not ends_with_core(tmp_path, process):
        pytest.skip("no core is written here at all")
    return tmp_path


@of_a_release
@pytest.mark.parametrize("is_allowed", [False, True])
def test_its_memory_is_dumped_only_if_that_is_set(dumps, cluster, is_allowed):
    endpoint = free_endpoint()
    settings = ["--set", "core_dumps=on"] if is_allowed else []
    with Dumping(dumps, endpoint, "serve", "--listen",
                 f"{endpoint.host}:{endpoint.port}", "--upstream",
                 f"host=127.0.0.1 port={cluster.port}", *settings) as lockstep:
        assert ends_with_core(dumps, lockstep.process) == is_allowed


class Dumping(Program):
    """It may write cores, as far as limits go."""

    def __init__(self, folder, *arguments):
        super().__init__(*arguments)
        self.folder = folder

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [proxy.lockstep_bin(), *self.arguments], cwd=self.folder,
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env=self.environment, preexec_fn=unlimited_core)
        while not self._accepts():
            assert self.is_alive(), self.stderr()
        return self

    def __exit__(self, *exc):
        self.remove()


# -- the unit ---------------------------------------------------------------

@pytest.fixture
def unit(tmp_path):
    """As it is installed, for a program that is there."""
    program = tmp_path / "lockstep"
    program.symlink_to(proxy.lockstep_bin())
    unit = tmp_path / "lockstep.service"
    unit.write_text(UNIT.read_text().replace(
        "@LOCKSTEP_BINDIR@", str(tmp_path)))
    return str(unit)


@by_systemd
def test_systemd_understands_the_unit(unit):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          text=True, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@by_systemd
def test_systemd_finds_the_unit_little_exposed(unit):
    told("systemd-analyze", "security", "--offline=true", "--no-pager",
         f"--threshold={EXPOSURE_MAX}", unit)


def test_the_unit_hides_what_is_secret():
    lines = UNIT.read_text().splitlines()
    for line in ("LimitCORE=0", "UMask=0077", "ProtectProc=invisible",
                 "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert line in lines
