"""A TLS 1.2 client that asks for renegotiation, again and again.

    with Renegotiating(endpoint, keys) as client:
        client.session.log_in()
        client.ask(seconds=2)

Python's ssl cannot ask, and what can asks again only when it was answered.
So ssl makes the handshake and tells its keys; the records are made here, with
AES128-GCM as RFC 5288 has it.
"""

import ctypes
import hmac
import socket
import ssl
import struct
import time

import tls
import wire
from program import Bare

HANDSHAKE, CHANGE_CIPHER_SPEC = 22, 20
VERSION = 0x0303
CLIENT_HELLO = b"\1\0\0\0"  # of no length: refused before it is read
SUITES = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
KEY_BYTES, SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 4, 8, 16
BATCH = 500
LEAST_WINDOW, LEAST_SEGMENT = 4096, 88
GET_TAG = 0x10  # EVP_CTRL_AEAD_GET_TAG


class Overheard:
    """A socket; what went over it is kept until it is enough."""

    def __init__(self, raw):
        self.raw = raw
        self.said = b""
        self.heard = b""

    def sendall(self, data):
        self.said += data
        self.raw.sendall(data)

    def recv(self, size):
        data = self.raw.recv(size)
        self.heard += data
        return data

    def __getattr__(self, name):
        return getattr(self.raw, name)


def _expand(secret, label, seed, size):
    """The PRF of TLS 1.2 (RFC 5246, section 5)."""
    seed = label + seed
    made, a = b"", seed
    while len(made) < size:
        a = hmac.digest(secret, a, "sha256")
        made += hmac.digest(secret, a + seed, "sha256")
    return made[:size]


def _records(data):
    while len(data) >= 5:
        kind, _version, size = struct.unpack_from("!BHH", data)
        yield kind, data[5:5 + size]
        data = data[5 + size:]


class Gcm:
    """AES128-GCM by OpenSSL's libcrypto, which ssl has loaded anyway."""

    def __init__(self, key):
        self.crypto = ctypes.CDLL("libcrypto.so.3")
        for name in "EVP_CIPHER_CTX_new", "EVP_aes_128_gcm":
            getattr(self.crypto, name).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.crypto.EVP_CIPHER_CTX_new())
        cipher = ctypes.c_void_p(self.crypto.EVP_aes_128_gcm())
        assert self.crypto.EVP_EncryptInit_ex(self.context, cipher, None, key,
                                              None) == 1

    def seal(self, nonce, text, also):
        evp, context = self.crypto, self.context
        size = ctypes.c_int()
        out = ctypes.create_string_buffer(len(text))
        tag = ctypes.create_string_buffer(TAG_BYTES)
        evp.EVP_EncryptInit_ex(context, None, None, None, nonce)
        evp.EVP_EncryptUpdate(context, None, ctypes.byref(size), also,
                              len(also))
        evp.EVP_EncryptUpdate(context, out, ctypes.byref(size), text,
                              len(text))
        evp.EVP_EncryptFinal_ex(context, tag, ctypes.byref(size))
        evp.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, tag)
        return out.raw + tag.raw

    def close(self):
        self.crypto.EVP_CIPHER_CTX_free(self.context)


def connect_narrowly(endpoint):
    """The kernels hold little for this one, however long it does not read."""
    raw = socket.socket()
    raw.settimeout(wire.HANG_BOUND_S)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LEAST_WINDOW)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, LEAST_SEGMENT)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        raw.connect((endpoint.host, endpoint.port))
    except OSError:
        raw.close()
        raise
    return raw


class Renegotiating:
    """with: session is a program.Bare, to be used before the first ask.

    keys is the path of a file to be made, for what ssl tells of its secrets.
    """

    def __init__(self, endpoint, keys):
        context = tls.context(maximum=ssl.TLSVersion.TLSv1_2, ciphers=SUITES)
        context.keylog_filename = str(keys)
        self.raw = connect_narrowly(endpoint)
        self.tap = Overheard(self.raw)
        self.session = Bare(endpoint, over=tls.start(self.tap, context))
        self.keys = keys
        self.gcm = None
        self.unsent = b""

    def _take_over(self):
        """From here on ssl has no part in it."""
        line = [line.split() for line in self.keys.read_text().splitlines()
                if line.startswith("CLIENT_RANDOM")][-1]
        client_random, secret = map(bytes.fromhex, line[1:])
        # Behind the S: a record with a handshake message with a version.
        hello = next(_records(self.tap.heard[1:]))[1]
        server_random = hello[6:38]
        block = _expand(secret, b"key expansion",
                        server_random + client_random,
                        2 * (KEY_BYTES + SALT_BYTES))
        self.salt = block[2 * KEY_BYTES:][:SALT_BYTES]
        self.gcm = Gcm(block[:KEY_BYTES])
        kinds = [kind for kind, _body in _records(
            self.tap.said[len(tls.SSL_REQUEST):])]
        self.number = len(kinds) - 1 - kinds.index(CHANGE_CIPHER_SPEC)

    def _record(self):
        number = struct.pack("!Q", self.number)
        self.number += 1
        also = number + struct.pack("!BHH", HANDSHAKE, VERSION,
                                    len(CLIENT_HELLO))
        sealed = self.gcm.seal(self.salt + number, CLIENT_HELLO, also)
        return struct.pack("!BHH", HANDSHAKE, VERSION, NONCE_BYTES
                           + len(sealed)) + number + sealed

    def ask(self, seconds):
        """Without reading.  True: the other side has closed."""
        if self.gcm is None:
            self._take_over()
        until = time.monotonic() + seconds
        self.raw.settimeout(0.2)
        while time.monotonic() < until:
            if not self.unsent:
                self.unsent = b"".join(self._record() for _ in range(BATCH))
            try:
                self.unsent = self.unsent[self.raw.send(self.unsent):]
            except TimeoutError:
                pass
            except OSError:
                return True
        return False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.raw.close()
        if self.gcm:
            self.gcm.close()
