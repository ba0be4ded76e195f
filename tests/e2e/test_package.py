"""The Debian package that CPack makes of the program under test."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import proxy

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("nobody connects")]

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = {
    "/etc/lockstep.conf": "-rw-r--r--",
    "/usr/bin/lockstep": "-rwxr-xr-x",
    "/usr/lib/systemd/system/lockstep.service": "-rw-r--r--",
    "/usr/lib/sysusers.d/lockstep.conf": "-rw-r--r--",
    "/usr/share/bash-completion/completions/lockstep": "-rw-r--r--",
    "/usr/share/doc/lockstep/NEWS.gz": "-rw-r--r--",
    "/usr/share/doc/lockstep/changelog.gz": "-rw-r--r--",
    "/usr/share/doc/lockstep/copyright": "-rw-r--r--",
    "/usr/share/doc/lockstep/examples/lockstep.conf": "-rw-r--r--",
    "/usr/share/man/man1/lockstep.1.gz": "-rw-r--r--",
    "/usr/share/man/man5/lockstep.conf.5.gz": "-rw-r--r--",
}


def run(*command, **options):
    done = subprocess.run(command, text=True, capture_output=True,
                          timeout=300, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Made by somebody whose umask keeps others out."""
    folder = tmp_path_factory.mktemp("package")
    build = os.path.dirname(proxy.lockstep_bin())
    run("cpack", "-G", "DEB", "--config", f"{build}/CPackConfig.cmake",
        "-B", folder, cwd=folder, umask=0o077)
    (made,) = folder.glob("*.deb")
    yield made
    shutil.rmtree(folder)


def test_files_lie_where_debian_has_them(package):
    found = {}
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner, _size, _day, _time, path = line.split()
        assert owner == "root/root"
        if path.endswith("/"):
            assert mode == "drwxr-xr-x", path
        else:
            found[path.removeprefix(".")] = mode
    assert found == FILES


def test_settings_are_the_administrator_s(package):
    assert run("dpkg-deb", "-I", package, "conffiles") == \
        "/etc/lockstep.conf\n"


def test_libraries_are_those_that_scripts_install_knows(package):
    """What dpkg-shlibdeps has found, and what the image gets."""
    runtime = re.search(r"runtime=\((.*?)\)", (ROOT / "scripts/install"
                                               ).read_text(), re.S)[1]
    known = set(re.findall(r"[\w.+-]+", runtime))
    depends = run("dpkg-deb", "-f", package, "Depends")
    libraries = set(re.findall(r"\blib[\w.+-]+", depends)) - {"libc6"}
    sanitizers = {"libasan", "libubsan", "libtsan"}
    assert {name for name in libraries - known
            if name.rstrip("0123456789") not in sanitizers} == set()


def test_copyright_has_every_license(package, tmp_path):
    run("dpkg-deb", "-x", package, tmp_path)
    text = (tmp_path / "usr/share/doc/lockstep/copyright").read_text()
    for name in ("LICENSE", "NOTICE"):
        assert (ROOT / name).read_text() in text


@pytest.mark.skipif(not os.environ.get("LOCKSTEP_RELEASED"),
                    reason="sanitizers are no part of a package")
def test_lintian_has_nothing_to_say(package):
    assert run("lintian", "--allow-root", "--fail-on", "error,warning",
               package) == ""
