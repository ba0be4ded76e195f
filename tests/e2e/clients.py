"""Four client libraries, asked for a connection; each says what came of it.

    psycopg_client(attempt), psql_client, asyncpg_client, Jdbc()

An outcome is "tls>clear" (what the client's leg and the server's are, in a
session that works) or the name of a refusal, as REFUSALS has it.
"""

import asyncio
import functools
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

import asyncpg
import psycopg

import pki
import program
import wire

PASSWORD = "Tr0ub4dor & 3"
JAR = "/usr/share/java/postgresql.jar"
ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"

REFUSALS = {
    "no TLS": r"server does not support SSL|rejected SSL upgrade",
    "must encrypt": r"(?i)encrypt(?!ion$)(?!ion\n)",
    "cannot bind": r"auth = scram",
    "not bound": r"channel binding (is )?required, but",
    "no rule": r"no pg_hba\.conf entry",
    "wrong password": r"password authentication failed",
}
# A rule that is missing is said to be so for what is (not) encrypted.
ORDER = ["no TLS", "no rule", "cannot bind", "not bound", "wrong password",
         "must encrypt"]


def refusal(message):
    """The name of what a client was told last."""
    last = re.split(r"failed: (?=FATAL|server|channel)", message)[-1]
    return next((name for name in ORDER if re.search(REFUSALS[name], last)),
                message)


def legs(client, server):
    return ">".join("tls" if encrypted else "clear"
                    for encrypted in (client, server))


@dataclass(frozen=True)
class Attempt:
    endpoint: object
    user: str
    sslmode: str = "prefer"
    channel_binding: str = ""
    password: str = PASSWORD
    certificate: object = None
    host: str = ""
    root: str = ""

    @property
    def root_file(self):
        return self.root or pki.shared().root.file

    @property
    def place(self):
        return self.host or self.endpoint.host, self.endpoint.port

    def libpq(self):
        host, port = self.place
        options = {"host": host, "port": port, "user": self.user,
                   "dbname": "postgres", "password": self.password,
                   "sslmode": self.sslmode,
                   "sslrootcert": self.root_file,
                   "application_name": "e2e_client",
                   # Nothing of a home folder's.
                   "passfile": "/dev/null", "sslcrl": "", "gssencmode":
                   "disable", "sslcert": "/nowhere", "sslkey": "/nowhere"}
        if self.channel_binding:
            options["channel_binding"] = self.channel_binding
        if self.certificate:
            options["sslcert"] = self.certificate.cert
            options["sslkey"] = self.certificate.key
        return options


def libpq_connect(**options):
    """psycopg.connect, in a thread of its own.

    libpq's refusals stay in OpenSSL's error queue, which is the thread's, and
    Python's ssl would take them for its own.
    """
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(psycopg.connect, **options).result()


def psycopg_client(attempt):
    try:
        with libpq_connect(**attempt.libpq()) as connection:
            server = connection.execute(ENCRYPTED).fetchone()[0]
            return legs(connection.pgconn.ssl_in_use, server)
    except psycopg.OperationalError as problem:
        return refusal(str(problem))


def psql_client(attempt, pg_bin, more=None):
    options = " ".join(
        f"{name}='{value}'".replace("\\", "\\\\")
        for name, value in {**attempt.libpq(), **(more or {})}.items())
    done = subprocess.run(
        [os.path.join(pg_bin, "psql"), "-XAtq", "-d", options, "-c",
         "\\conninfo", "-c", ENCRYPTED], capture_output=True, text=True,
        env=program.environment(), timeout=wire.HANG_BOUND_S,
        stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return refusal(done.stderr)
    # Up to 17 a sentence, from 18 on a table.
    is_encrypted = re.search(r"SSL connection \(|SSL Connection\|true",
                             done.stdout)
    return legs(is_encrypted, done.stdout.splitlines()[-1] == "t")


def asyncpg_client(attempt):
    async def connect():
        host, port = attempt.place
        options = {"sslmode": attempt.sslmode,
                   "sslrootcert": attempt.root_file}
        if attempt.certificate:
            options["sslcert"] = attempt.certificate.cert
            options["sslkey"] = attempt.certificate.key
        connection = await asyncpg.connect(
            f"postgresql://{host}:{port}/postgres?{urlencode(options)}",
            user=attempt.user, password=attempt.password, passfile=None,
            timeout=wire.HANG_BOUND_S)
        try:
            return legs(connection._protocol.is_ssl,
                        await connection.fetchval(ENCRYPTED))
        finally:
            await connection.close()

    try:
        return asyncio.run(connect())
    except (asyncpg.PostgresError, OSError) as problem:
        hint = getattr(problem, "hint", None)
        return refusal(f"{problem} {hint or ''}")


class Jdbc:
    """with: one JVM, which connects as often as it is told to."""

    def __enter__(self):
        source = os.path.join(os.path.dirname(__file__), "JdbcClient.java")
        self.process = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
             JAR, source], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        try:
            self.process.wait(wire.HANG_BOUND_S)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def __call__(self, attempt):
        host, port = attempt.place
        properties = {"url": f"jdbc:postgresql://{host}:{port}/postgres",
                      "user": attempt.user, "password": attempt.password,
                      "sslmode": attempt.sslmode,
                      "sslrootcert": attempt.root_file,
                      "connectTimeout": str(wire.HANG_BOUND_S)}
        if attempt.certificate:
            properties["sslcert"] = attempt.certificate.cert
            properties["sslkey"] = pkcs8(attempt.certificate.key)
        line = "\t".join(f"{k}={v}" for k, v in properties.items())
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        kind, *rest = self.process.stdout.readline().rstrip("\n").split("\t")
        if kind == "works":
            return legs(*(word == "true" for word in rest))
        return refusal(" ".join(rest))


@functools.cache
def pkcs8(key):
    """The form in which Java reads a key."""
    pki.openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", key,
                "-out", key + ".pk8")
    return key + ".pk8"


def has_jdbc():
    return bool(shutil.which("java")) and os.path.exists(JAR)
