"""TLS for the scripted client, and the switch that turns it on everywhere.

With LOCKSTEP_E2E_TLS=1 in the environment every Cluster serves TLS and, over
TCP, nothing else; every Lockstep requires TLS of its clients and verifies the
server's name; whoever connects does so by TLS.
"""

import os
import socket
import ssl
import struct
import threading

import pki

SSL_REQUEST = struct.pack("!II", 8, 80877103)
ALPN = "postgresql"


def is_everywhere():
    return os.environ.get("LOCKSTEP_E2E_TLS") == "1"


def listener_settings():
    """Lockstep's, where TLS is everywhere."""
    own = pki.shared().lockstep
    return {"tls_mode": "require", "tls_cert": own.cert, "tls_key": own.key}


def upstream_options():
    """Its CONNINFO's."""
    return {"sslmode": "verify-full", "sslrootcert": pki.shared().root.file}


def context(ca=None, certificate=None, alpn=(), minimum=None, maximum=None,
            ciphers=None):
    """A client's; it verifies chain and name if it is given a CA."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = ca is not None
    made.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        made.load_verify_locations(ca)
    if certificate:
        made.load_cert_chain(certificate.cert, certificate.key)
    if alpn:
        made.set_alpn_protocols(alpn)
    if ciphers:
        made.set_ciphers(ciphers)
    made.minimum_version = minimum or ssl.TLSVersion.TLSv1_2
    if maximum:
        made.maximum_version = maximum
    return made


class Refused(Exception):
    """The answer to SSLRequest was not S; what came is the argument."""


def ask(raw):
    """Send SSLRequest; the byte that answers."""
    raw.sendall(SSL_REQUEST)
    return raw.recv(1)


def start(raw, client_context=None, direct=False, server_name="localhost"):
    """TLS over a connected socket, asked for or direct."""
    if client_context is None:
        client_context = context(alpn=[ALPN] if direct else [])
    if not direct:
        answer = ask(raw)
        if answer != b"S":
            raise Refused(answer)
    return Socket(raw, client_context, server_name)


def shown(endpoint):
    """The certificate that it shows now, as DER."""
    with socket.create_connection((endpoint.host, endpoint.port), 30) as raw:
        return start(raw).tls.getpeercert(binary_form=True)


class Socket:
    """What Wire needs of a socket, with TLS on it.

    Unlike ssl.SSLSocket, one thread may read while another writes.  records
    are the lengths on the wire of what came, headers not counted.
    """

    def __init__(self, raw, client_context, server_name="localhost",
                 session=None):
        self.raw = raw
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = client_context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=server_name,
            session=session)
        self.state = threading.Lock()  # of tls and both BIOs
        self.order = threading.Lock()  # of what goes out
        self.records = []
        self._partial = b""
        self._step(self.tls.do_handshake)

    def _step(self, action, *arguments):
        """Do it, reading from the network as often as it must."""
        while True:
            with self.state:
                try:
                    result = action(*arguments)
                    wants_more = False
                except ssl.SSLWantReadError:
                    wants_more = True
                except ssl.SSLError:
                    self._flush_quietly()
                    raise
            self._flush()
            if not wants_more:
                return result
            self._receive()

    def _receive(self):
        data = self.raw.recv(65536)
        with self.state:
            if data:
                self._count(data)
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def _count(self, data):
        self._partial += data
        while len(self._partial) >= 5:
            length = struct.unpack_from("!H", self._partial, 3)[0]
            if len(self._partial) < 5 + length:
                break
            self.records.append(length)
            self._partial = self._partial[5 + length:]

    def _flush(self):
        if not self.outgoing.pending:
            return
        with self.order:
            with self.state:
                data = self.outgoing.read()
            self.raw.sendall(data)

    def _flush_quietly(self):
        """An alert, to whoever still listens."""
        try:
            self.raw.sendall(self.outgoing.read())
        except OSError:
            pass

    def recv(self, size):
        try:
            return self._step(self.tls.read, size)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, data):
        data = memoryview(data)
        while data:
            with self.order:
                with self.state:
                    data = data[self.tls.write(data):]
                    out = self.outgoing.read()
                self.raw.sendall(out)

    def shutdown(self, how):
        """As a socket's: SHUT_WR says goodbye and goes on reading."""
        with self.state:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
        self._flush()
        self.raw.shutdown(how)

    def settimeout(self, seconds):
        self.raw.settimeout(seconds)

    def setsockopt(self, *option):
        self.raw.setsockopt(*option)

    def getsockname(self):
        return self.raw.getsockname()

    def fileno(self):
        return self.raw.fileno()

    def close(self):
        self.raw.close()
