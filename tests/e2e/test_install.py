"""`cmake --install` of the program under test: what lies where, and fits."""
import os
import pathlib
import shutil
import subprocess

import pytest

import proxy

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("nobody connects")]

ROOT = pathlib.Path(__file__).resolve().parents[2]


def install(destination, prefix):
    done = subprocess.run(
        ["cmake", "--install", os.path.dirname(proxy.lockstep_bin()),
         "--prefix", prefix], text=True, capture_output=True, timeout=120,
        env={**os.environ, "DESTDIR": str(destination)})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("prefix, conf", [
    ("/usr", "/etc/lockstep.conf"), ("/usr/local", "/etc/lockstep.conf"),
    ("/opt/lockstep", "/opt/lockstep/etc/lockstep.conf")])
def test_unit_runs_what_was_installed(tmp_path, prefix, conf):
    install(tmp_path, prefix)
    below = pathlib.Path(f"{tmp_path}{prefix}")
    unit = (below / "lib/systemd/system/lockstep.service").read_text()
    assert "@" not in unit.replace("@system-service", "").replace(
        "@privileged", "")
    assert f"\nExecStart={prefix}/bin/lockstep serve -c {conf}\n" in unit
    assert f"\nExecStartPre={prefix}/bin/lockstep check -c {conf}\n" in unit
    for name in ("bin/lockstep", "share/man/man1/lockstep.1",
                 "share/man/man5/lockstep.conf.5",
                 "share/bash-completion/completions/lockstep",
                 "share/doc/lockstep/LICENSE", "share/doc/lockstep/NOTICE",
                 "lib/sysusers.d/lockstep.conf"):
        assert (below / name).is_file(), name
    assert (pathlib.Path(f"{tmp_path}{conf}").read_text()
            == (ROOT / "conf/lockstep.conf").read_text())


def test_settings_of_the_administrator_stay(tmp_path):
    conf = tmp_path / "etc/lockstep.conf"
    conf.parent.mkdir()
    conf.write_text("policy = hold\n")
    install(tmp_path, "/usr")
    assert conf.read_text() == "policy = hold\n"


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff")
@pytest.mark.parametrize("page", ["lockstep.1", "lockstep.conf.5"])
def test_manual_is_set_without_a_warning(page):
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8", ROOT / "conf" / page],
        text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
