"""Servers that are none, to see what Lockstep does as their client.

    with FakeServer(script) as server: ...

script(connection, server) has each connection, a socket, to itself.
"""

import socketserver
import ssl
import struct
import threading

import tls
import wire

GREETING = (wire.message("R", struct.pack("!I", 0))
            + wire.message("K", struct.pack("!II", 4711, 42))
            + wire.message("Z", b"I"))


class FakeServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    class RequestHandlerClass(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.settimeout(wire.HANG_BOUND_S)
            try:
                self.server.script(self.request, self.server)
            except OSError as problem:
                self.server.problems.append(problem)

    def __init__(self, script, host="127.0.0.1", port=0):
        self.host = host
        super().__init__((host, port), self.RequestHandlerClass)
        self.script = script
        self.port = self.server_address[1]
        self.problems = []
        self.seen = []  # whatever the script puts there
        self.thread = threading.Thread(target=self.serve_forever, args=[0.05],
                                       daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.shutdown()
        self.thread.join()
        self.server_close()


def read_packet(connection):
    """One without a type byte; empty at the end."""
    head = connection.recv(4, 0x100)  # MSG_WAITALL
    if len(head) < 4:
        return b""
    return connection.recv(struct.unpack("!I", head)[0] - 4, 0x100)


def read_startup(connection):
    """The same within TLS, where there is no MSG_WAITALL."""
    data = b""
    while len(data) < 4 or len(data) < struct.unpack_from("!I", data)[0]:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    return data


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    return context


def read_startup_in_clear(connection):
    """The startup packet of one to whom TLS and GSSAPI are refused."""
    packet = read_packet(connection)
    while packet[:2] == b"\x04\xd2":  # the codes of such requests
        connection.sendall(b"N")
        packet = read_packet(connection)
    return packet


def fatal(sqlstate, text="no such luck"):
    """The ErrorResponse with which a login ends."""
    return wire.message("E", b"SFATAL\0VFATAL\0C" + sqlstate.encode()
                        + b"\0M" + text.encode() + b"\0\0")


def read_message(connection):
    """The body of one with a type byte; empty at the end."""
    connection.recv(1)
    return read_packet(connection)


def welcome(connection, context):
    """The connection, by TLS if that is asked for, and its startup packet."""
    packet = read_packet(connection)
    if packet != tls.SSL_REQUEST[4:]:
        return connection, packet
    connection.sendall(b"S")
    encrypted = context.wrap_socket(connection, server_side=True)
    return encrypted, read_startup(encrypted)


def tls_server(certificate, alpn="postgresql", maximum=None,
               greeting=GREETING):
    """A script: TLS, then a greeting; seen gets each connection's facts.

    Whatever else is asked is answered by one empty ReadyForQuery per Query.
    """
    context = server_context(certificate)
    names = {}

    def remember(connection, name, _context):
        names[connection] = name

    context.sni_callback = remember
    if alpn:
        context.set_alpn_protocols([alpn])
    if maximum:
        context.maximum_version = maximum

    def script(connection, server):
        is_direct = connection.recv(1, 2) == b"\x16"  # MSG_PEEK
        if not is_direct:
            read_packet(connection)
            connection.sendall(b"S")
        with context.wrap_socket(connection, server_side=True) as encrypted:
            server.seen.append({
                "is_direct": is_direct, "name": names.get(encrypted),
                "is_resumed": encrypted.session_reused,
                "alpn": encrypted.selected_alpn_protocol()})
            startup = read_startup(encrypted)
            server.seen[-1]["startup"] = startup
            encrypted.sendall(greeting)
            while chunk := encrypted.recv(65536):
                encrypted.sendall(wire.message("Z", b"I")
                                  * chunk.count(b"Q\0"))

    return script
