"""A scripted client of the PostgreSQL protocol, version 3.0, over a socket.

It sends exactly the messages it is told to, in one packet or byte by byte,
and records what comes back as a trace: a list of (type, decoded fields) in
which everything that differs from session to session (process ids, keys,
table OIDs) is masked, so that two traces can be compared for equality.
"""

import re
import socket
import struct
import time

import tls

HANG_BOUND_S = 30
CLOSED = ("closed", ())


# -- frontend messages ------------------------------------------------------

def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def _text(value):
    return value.encode() + b"\0"


def query(sql):
    return message("Q", _text(sql))


def parse(sql, name="", types=()):
    oids = b"".join(struct.pack("!I", oid) for oid in types)
    return message("P", _text(name) + _text(sql)
                   + struct.pack("!H", len(types)) + oids)


def bind(portal="", name="", values=(), result_formats=()):
    body = _text(portal) + _text(name) + struct.pack("!HH", 0, len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            raw = str(value).encode()
            body += struct.pack("!i", len(raw)) + raw
    body += struct.pack("!H", len(result_formats))
    return message("B", body + b"".join(struct.pack("!H", f)
                                        for f in result_formats))


def describe_statement(name=""):
    return message("D", b"S" + _text(name))


def describe_portal(portal=""):
    return message("D", b"P" + _text(portal))


def execute(portal="", max_rows=0):
    return message("E", _text(portal) + struct.pack("!I", max_rows))


def close_statement(name=""):
    return message("C", b"S" + _text(name))


def close_portal(portal=""):
    return message("C", b"P" + _text(portal))


def sync():
    return message("S")


def flush():
    return message("H")


def copy_data(data):
    return message("d", data)


def copy_done():
    return message("c")


def copy_fail(reason):
    return message("f", _text(reason))


def terminate():
    return message("X")


def extended(sql, name="", portal="", max_rows=0):
    """Parse, Bind, Describe, Execute, as most drivers send a statement."""
    return [parse(sql, name), bind(portal, name), describe_portal(portal),
            execute(portal, max_rows)]


def ready_count(messages):
    """How many ReadyForQuery a server owes for these messages."""
    return sum(m[:1] in (b"Q", b"S", b"F") for m in messages)


# -- backend messages -------------------------------------------------------

class _Reader:
    def __init__(self, body):
        self.body = body
        self.at = 0

    def take(self, fmt):
        values = struct.unpack_from("!" + fmt, self.body, self.at)
        self.at += struct.calcsize("!" + fmt)
        return values[0] if len(values) == 1 else values

    def text(self):
        end = self.body.index(b"\0", self.at)
        value = self.body[self.at:end].decode("utf-8", "replace")
        self.at = end + 1
        return value

    def data(self):
        size = self.take("i")
        if size < 0:
            return None
        self.at += size
        return self.body[self.at - size:self.at].decode("utf-8", "replace")


def _row_description(r):
    columns = []
    for _ in range(r.take("H")):
        name = r.text()
        _table, column, type_oid, size, modifier, fmt = r.take("IHIhiH")
        columns.append((name, column, type_oid, size, modifier, fmt))
    return tuple(columns)


def _error_fields(r):
    fields = []
    while (code := r.take("c")) != b"\0":
        value = re.sub(r"\b([Pp]rocess|PID) \d+", r"\1 #", r.text())
        fields.append((code.decode(), value))
    return tuple(fields)


DECODERS = {
    "A": lambda r: (r.take("I") and "#", r.text(), r.text()),
    "C": lambda r: (r.text(),),
    "D": lambda r: tuple(r.data() for _ in range(r.take("H"))),
    "E": _error_fields,
    "K": lambda r: ("#",),
    "N": _error_fields,
    "R": lambda r: (r.take("I"),),
    "S": lambda r: (r.text(), r.text()),
    "T": _row_description,
    "Z": lambda r: (r.take("c").decode(),),
    "t": lambda r: tuple(r.take("I") for _ in range(r.take("H"))),
}


def decode(kind, body):
    decoder = DECODERS.get(kind)
    return (kind, decoder(_Reader(body)) if decoder else body)


# -- the client -------------------------------------------------------------

def connect(endpoint, encryption=None, direct=False, receive_bytes=None):
    """A connected socket, encrypted as Wire says.

    A host with a slash is a folder, as in libpq; there TLS is never used.
    receive_bytes bounds what the kernel takes before it is read.
    """
    if endpoint.host.startswith("/"):
        return connect_to_file(f"{endpoint.host}/.s.PGSQL.{endpoint.port}")
    if receive_bytes is None:
        raw = socket.create_connection((endpoint.host, endpoint.port),
                                       HANG_BOUND_S)
    else:
        raw = connect_small(endpoint, receive_bytes)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if encryption is None:
        encryption = getattr(endpoint, "tls", False)
    if encryption is False:
        return raw
    context = None if encryption is True else encryption
    try:
        return tls.start(raw, context, direct)
    except BaseException:
        raw.close()
        raise


def connect_small(endpoint, receive_bytes):
    """The bound must be there before the peer is told of a window."""
    raw = socket.socket()
    raw.settimeout(HANG_BOUND_S)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        raw.connect((endpoint.host, endpoint.port))
    except OSError:
        raw.close()
        raise
    return raw


def connect_to_file(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(HANG_BOUND_S)
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    return s


class Wire:
    """endpoint has host and port; parameters go into the startup packet.

    With TLS if the endpoint's tls is true; encryption tells otherwise: False,
    or an ssl.SSLContext.
    """

    decode = staticmethod(decode)

    def __init__(self, endpoint, database="postgres", user="postgres",
                 encryption=None, direct=False, **parameters):
        self.socket = connect(endpoint, encryption, direct)
        self.unread = b""
        self.pid = None
        self.secret = None
        self.parameters = {}
        parameters.setdefault("application_name", "e2e_wire")
        self.greeting = self._start(
            {"user": user, "database": database, **parameters})

    def _start(self, parameters):
        body = struct.pack("!I", 196608)
        for name, value in parameters.items():
            body += _text(name) + _text(value)
        body += b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        return self.read_ready()

    def send(self, *messages, by="packet"):
        data = b"".join(messages)
        if by == "packet":
            self.socket.sendall(data)
            return
        assert by == "byte"
        for i in range(len(data)):
            self.socket.sendall(data[i:i + 1])
            time.sleep(0.00005)  # the kernel would glue them together

    def _fill(self, size):
        while len(self.unread) < size:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                return False
            self.unread += chunk
        return True

    def read_frame(self, timeout_s=HANG_BOUND_S):
        """The next message as (type, bytes); CLOSED at the end."""
        self.socket.settimeout(timeout_s)
        if not self._fill(5):
            return CLOSED
        kind = chr(self.unread[0])
        size = 1 + struct.unpack_from("!I", self.unread, 1)[0]
        if not self._fill(size):
            return CLOSED
        body = self.unread[5:size]
        self.unread = self.unread[size:]
        return kind, body

    def read(self, timeout_s=HANG_BOUND_S):
        """The next message; CLOSED at the end; TimeoutError if none comes."""
        frame = self.read_frame(timeout_s)
        if frame is CLOSED:
            return CLOSED
        kind, body = frame
        if kind == "K":
            self.pid = struct.unpack_from("!I", body)[0]
            self.secret = body[4:]
        decoded = self.decode(kind, body)
        if kind == "S":
            self.parameters[decoded[1][0]] = decoded[1][1]
        return decoded

    def read_until(self, kinds, timeout_s=HANG_BOUND_S):
        """Up to and with the first message whose type is one of kinds."""
        trace = []
        while not trace or (trace[-1][0] not in kinds
                            and trace[-1] is not CLOSED):
            trace.append(self.read(timeout_s))
        return trace

    def read_ready(self, count=1, timeout_s=HANG_BOUND_S):
        """Up to and with the count-th ReadyForQuery."""
        trace = []
        for _ in range(count):
            trace += self.read_until("Z", timeout_s)
            if trace[-1] is CLOSED:
                break
        return trace

    def run(self, *messages, by="packet", timeout_s=HANG_BOUND_S):
        """Send, and read the ReadyForQuery that these messages will get."""
        self.send(*messages, by=by)
        return self.read_ready(ready_count(messages), timeout_s)

    def query(self, sql):
        return self.run(query(sql))

    def is_silent(self, seconds):
        """True if nothing arrives in this time (nothing is consumed)."""
        if self.unread:
            return False
        self.socket.settimeout(seconds)
        try:
            chunk = self.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return True
        self.unread += chunk
        return False

    def read_unanswered(self, seconds):
        """What comes in this time, which must not be the end of an answer."""
        trace = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                trace.append(self.read(left))
            except TimeoutError:
                break
            assert trace[-1] is not CLOSED and trace[-1][0] not in "EZ", trace
        return trace

    def close(self):
        try:
            self.socket.sendall(terminate())
        except OSError:
            pass
        self.socket.close()

    def vanish(self, reset=False):
        """Go without a Terminate; with a TCP reset if told so."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


# -- reading traces ---------------------------------------------------------

def errors(trace):
    """The ErrorResponses of a trace, each as {field code: value}."""
    return [dict(fields) for kind, fields in trace if kind == "E"]


def sqlstates(trace):
    return [error["C"] for error in errors(trace)]


def rows(trace):
    return [fields for kind, fields in trace if kind == "D"]


def status(trace):
    """The last transaction status told: I, T or E; None if there is none."""
    ready = [fields[0] for kind, fields in trace if kind == "Z"]
    return ready[-1] if ready else None


def in_order(trace):
    """What must come in one order: all but the asynchronous messages."""
    return [m for m in trace if m[0] not in "SA"]


def asynchronous(trace):
    return sorted(m for m in trace if m[0] in "SA")


def despite_second_signal(compare, tries=3):
    """Compare what a cancel came to; again where it differs, then it fails.

    For one request the postmaster signals the backend and its process group
    (signal_child).  On a busy machine the second signal may come late and hit
    the next statement, with a proxy and without.
    """
    for left in reversed(range(tries)):
        try:
            compare()
            return
        except AssertionError:
            if not left:
                raise


def cancel(endpoint, wire, encryption=False):
    """Send a CancelRequest for that session, as libpq does: in clear."""
    s = connect(endpoint, encryption)
    try:
        body = struct.pack("!II", 80877102, wire.pid) + wire.secret
        s.sendall(struct.pack("!I", len(body) + 4) + body)
        s.recv(1)  # until the other side closed: it has been dealt with
    finally:
        s.close()
