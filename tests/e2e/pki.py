"""Certificates for the tests, made with the openssl command.

    pki.shared().server       what servers show: localhost and 127.0.0.1
    pki.shared().client(role) a client's; its CN is the role
    pki.shared().root.file    the authority that both sides trust

Made when first asked for, once a process; all goes at its end.  A key is its
owner's alone: who runs as another user takes a copy (install).
"""

import atexit
import functools
import itertools
import os
import shutil
import ssl
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

HOURS = (-1, 24)  # from when to when a certificate is good
PAST_HOURS = (-48, -24)

HERE = ("DNS:localhost", "IP:127.0.0.1")
ELSEWHERE = ("DNS:db.elsewhere.example", "IP:192.0.2.1")

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")
SLOW_RSA = ("-newkey", "rsa:4096")
ED25519 = ("-newkey", "ed25519")

# The `openssl ca` of one authority, $dir being its folder.
CONFIGURATION = """
[ca]
default_ca = here
[here]
dir = {dir}
database = $dir/index
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = optional
[req]
prompt = no
distinguished_name = nothing
[nothing]
"""


def openssl(*arguments, **options):
    """Its standard output; the test fails with what it complained of."""
    done = subprocess.run(["openssl", *arguments], capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, **options)
    assert done.returncode == 0, f"openssl {arguments}:\n{done.stderr}"
    return done.stdout


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _time(hours):
    when = datetime.now(timezone.utc) + timedelta(hours=hours)
    return when.strftime("%Y%m%d%H%M%SZ")


class Certificate(SimpleNamespace):
    """cert and key are paths of PEM files."""


def install(source, path, owner=None):
    """A copy that only its owner can read; what was there is replaced."""
    shutil.copy(source, path + ".new")
    os.chmod(path + ".new", 0o600)
    if owner:
        shutil.chown(path + ".new", owner)
    os.replace(path + ".new", path)


def is_same(der, certificate):
    with open(certificate.cert, encoding="ascii") as file:
        return der == ssl.PEM_cert_to_DER_cert(file.read())


class Authority:
    """file is its own certificate."""

    def __init__(self, folder, name, parent=None):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.name = name
        self.file = self._path("ca.crt")
        self.numbers = itertools.count(1)
        _write(self._path("ca.cnf"), CONFIGURATION.format(dir=self.folder))
        _write(self._path("index"), "")
        _write(self._path("serial"), "1000\n")
        _write(self._path("crlnumber"), "1000\n")
        authority = ["-addext", "basicConstraints=critical,CA:true"]
        if parent:
            made = parent.issue(name, f"Lockstep test {name}",
                                extensions=authority)
            shutil.copy(made.cert, self.file)
            shutil.copy(made.key, self._path("ca.key"))
        else:
            openssl("req", "-x509", *EC, "-nodes", "-days", "30", "-config",
                    self._path("ca.cnf"), "-subj",
                    f"/CN=Lockstep test {name}", *authority,
                    "-keyout", self._path("ca.key"), "-out", self.file)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, subject, names=(), key=EC, hours=HOURS,
              password=None, extensions=()):
        """A new certificate, its files called name; subject is its CN."""
        path = self._path(f"{name}_{next(self.numbers)}")
        made = Certificate(cert=path + ".crt", key=path + ".key")
        lock = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        extensions = list(extensions)
        if names:
            extensions += ["-addext", f"subjectAltName={','.join(names)}"]
        openssl("req", "-new", *key, *lock, *extensions, "-config",
                self._path("ca.cnf"), "-subj", f"/CN={subject}",
                "-keyout", made.key, "-out", path + ".csr")
        openssl("ca", "-batch", "-notext", "-config", self._path("ca.cnf"),
                "-startdate", _time(hours[0]), "-enddate", _time(hours[1]),
                "-in", path + ".csr", "-out", made.cert)
        os.chmod(made.key, 0o600)
        return made

    def revoke(self, certificate):
        openssl("ca", "-batch", "-config", self._path("ca.cnf"), "-revoke",
                certificate.cert)
        return certificate

    def crl(self):
        """A file of what is revoked by now."""
        path = self._path(f"crl_{next(self.numbers)}.pem")
        openssl("ca", "-batch", "-gencrl", "-config", self._path("ca.cnf"),
                "-out", path)
        return path


class Pki:
    def __init__(self, folder):
        self.folder = folder
        self.root = Authority(folder, "root")
        self._clients = {}

    @functools.cached_property
    def stranger(self):
        return Authority(self.folder, "stranger")

    @functools.cached_property
    def middle(self):
        """An authority by the root's word."""
        return Authority(self.folder, "middle", self.root)

    # -- servers: the names are those of what is wrong with them

    @functools.cached_property
    def server(self):
        return self.root.issue("server", "localhost", HERE)

    @functools.cached_property
    def lockstep(self):
        """Lockstep's own, where it is not to be the server's."""
        return self.root.issue("lockstep", "lockstep.example", HERE)

    @functools.cached_property
    def rsa(self):
        return self.root.issue("rsa", "localhost", HERE, key=RSA)

    @functools.cached_property
    def slow(self):
        """Milliseconds for each signature."""
        return self.root.issue("slow", "localhost", HERE, key=SLOW_RSA)

    @functools.cached_property
    def ed25519(self):
        return self.root.issue("ed25519", "localhost", HERE, key=ED25519)

    @functools.cached_property
    def by_ed25519(self):
        """Signed with no hash: nothing can be bound to it (RFC 5929)."""
        made = Certificate(cert=os.path.join(self.folder, "self.crt"),
                           key=os.path.join(self.folder, "self.key"))
        openssl("req", "-x509", *ED25519, "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-addext",
                f"subjectAltName={','.join(HERE)}", "-keyout", made.key,
                "-out", made.cert)
        os.chmod(made.key, 0o600)
        return made

    @functools.cached_property
    def wrong_name(self):
        return self.root.issue("wrong_name", "localhost", ELSEWHERE)

    @functools.cached_property
    def expired(self):
        return self.root.issue("expired", "localhost", HERE, hours=PAST_HOURS)

    @functools.cached_property
    def revoked(self):
        return self.root.revoke(self.root.issue("revoked", "localhost", HERE))

    @functools.cached_property
    def strangers(self):
        return self.stranger.issue("strangers", "localhost", HERE)

    # -- clients

    def client(self, role, what="good", password=None):
        """what: good, expired, revoked or strangers."""
        wanted = role, what, password
        if wanted not in self._clients:
            self._clients[wanted] = self._issue_client(*wanted)
        return self._clients[wanted]

    def _issue_client(self, role, what, password):
        authority = self.stranger if what == "strangers" else self.root
        hours = PAST_HOURS if what == "expired" else HOURS
        made = authority.issue(f"client_{what}", role, hours=hours,
                               password=password)
        return authority.revoke(made) if what == "revoked" else made


@functools.cache
def shared():
    folder = tempfile.mkdtemp(prefix="lsp", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Pki(folder)
