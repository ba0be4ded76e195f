"""Combinations that cannot work, or may surprise: told beforehand."""

import pytest

import pki
import program
from program import free_endpoint, listen_text
from proxy import Lockstep
from test_tls_client_leg import settings

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("makes its own TLS")]


def check(folder, upstream="", **found):
    file = folder / "lockstep.conf"
    lines = {"upstream": f"host=127.0.0.1 port=1 {upstream}", **found}
    file.write_text("".join(f"{name} = {value}\n"
                            for name, value in lines.items()))
    return program.run("check", "-c", str(file)), str(file)


def certified(**more):
    return settings("require", **more)


def verifiers(folder):
    file = folder / "auth_file"
    file.write_text("")
    file.chmod(0o600)
    return {"auth": "scram", "auth_file": str(file)}


# What cannot work: words that tell why, and the way out.
WRONG = {
    "TLS without a certificate": (
        lambda f: check(f, tls_mode="require"), ["tls_mode", "tls_cert"]),
    "nobody to verify by": (
        lambda f: check(f, **{**certified(), "tls_mode": "verify-ca"}),
        ["tls_mode", "tls_ca"]),
    "revocations of nobody": (
        lambda f: check(f, **certified(tls_crl=pki.shared().root.crl())),
        ["tls_crl", "tls_ca"]),
    "a key alone": (
        lambda f: check(f, tls_key=pki.shared().lockstep.key),
        ["tls_key", "tls_cert"]),
    "nobody may log in": (
        lambda f: check(f, auth="scram"), ["auth", "auth_file"]),
    "binding without TLS": (
        lambda f: check(f, "sslmode=disable channel_binding=require"),
        ["channel_binding=require", "sslmode"]),
    "binding for clients that cannot": (
        lambda f: check(f, "sslmode=require channel_binding=require"),
        ["channel_binding=require", "auth = scram"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_work_is_a_mistake(tmp_path, what):
    (done, file), words = WRONG[what][0](tmp_path), WRONG[what][1]
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines()
            if line.startswith(f"{file}:")]
    assert len(told) == 1, done.stderr
    assert all(word in told[0] for word in words), told


# What may surprise: words of the warning.
SURPRISING = {
    "two certificates": (
        lambda f: check(f, "sslmode=require", **certified()),
        ["auth = scram", "channel_binding=disable", "certificate"]),
    "everybody is one": (
        lambda f: check(f, "sslmode=require sslcert={0.cert} "
                        "sslkey={0.key}".format(pki.shared().client("x"))),
        ["sslcert", "verify-full"]),
    "a server that is not verified, after all": (
        lambda f: check(f, "sslmode=prefer sslrootcert="
                        + pki.shared().root.file),
        ["sslrootcert", "in clear", "sslmode=verify-full"]),
    "so with no sslmode": (
        lambda f: check(f, "sslrootcert=" + pki.shared().root.file),
        ["sslrootcert", "in clear", "sslmode=verify-full"]),
    "everybody is one, by a Unix socket": (
        lambda f: check(f, "sslmode=require sslcert={0.cert} "
                        "sslkey={0.key}".format(pki.shared().client("x")),
                        listen=f"127.0.0.1:5433, {f}:5433",
                        **settings("verify-full")),
        ["sslcert", "Unix sockets"]),
    "a certificate that is not read": (
        lambda f: check(f, tls_cert=pki.shared().lockstep.cert,
                        tls_key=pki.shared().lockstep.key),
        ["tls_cert", "tls_mode"]),
    "a file that is not read": (
        lambda f: check(f, auth_file="/none"), ["auth_file"]),
}


@pytest.mark.parametrize("what", SURPRISING)
def test_what_may_surprise_is_a_warning(tmp_path, what):
    (done, _file), words = (SURPRISING[what][0](tmp_path),
                            SURPRISING[what][1])
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert all(word in said for word in words), said


SOUND = {
    "clear on both legs": lambda f: check(f, "sslmode=disable"),
    "TLS for clients": lambda f: check(f, "sslmode=disable", **certified()),
    "TLS upstream": lambda f: check(f, "sslmode=verify-full sslrootcert="
                                    + pki.shared().root.file),
    "TLS on both legs": lambda f: check(
        f, "sslmode=require channel_binding=require", **certified(),
        **verifiers(f)),
}


@pytest.mark.parametrize("what", SOUND)
def test_of_what_is_sound_nothing_is_said(tmp_path, what):
    done, _file = SOUND[what](tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_warning_comes_at_start_too(cluster):
    with Lockstep(cluster, certified(), {"sslmode": "prefer"}) as lockstep:
        lockstep.stop()
        warned = [line for line in lockstep.stderr().splitlines()
                  if " WARN " in line]
        assert any("channel_binding=disable" in line for line in warned)


def test_the_mistake_is_told_at_start_too():
    done = program.run("serve", "--listen", listen_text(free_endpoint()),
                       "--upstream", "host=127.0.0.1", "--set",
                       "tls_mode=require")
    assert done.returncode == 1 and "tls_cert" in done.stderr
