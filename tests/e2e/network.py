"""A network between two peers that can be held up, cut, and made slow.

It listens on a port of its own and connects each who comes to the target.
"""

import contextlib
import select
import socket
import struct
import threading
import time

from wire import HANG_BOUND_S

CHUNK = 65536
SPLIT = 7      # bytes at a time where packets are torn
SPLIT_S = 0.0002


class Network:
    """with: host and port are of its entrance.

    hold() keeps back what is sent from now on, release() lets it through, and
    cut() resets the connections that are there.  delay_s is what each packet
    takes more; is_torn sends packets in pieces.
    """

    host = "127.0.0.1"

    def __init__(self, target):
        self.target = target
        self.flows = threading.Event()
        self.flows.set()
        self.delay_s = 0
        self.is_torn = False
        self.pairs = set()
        self.lock = threading.Lock()
        self.entrance = socket.create_server((self.host, 0), backlog=128)
        self.port = self.entrance.getsockname()[1]

    def hold(self):
        self.flows.clear()

    def release(self):
        self.flows.set()

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
                    # A reader of it stands in select, which close() would
                    # not wake; with no data in it this sends nothing.
                    one.shutdown(socket.SHUT_RD)
        self.flows.set()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.entrance.close()
        self.cut()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.entrance.accept()
                threading.Thread(target=self._serve, args=[near],
                                 daemon=True).start()

    def _serve(self, near):
        try:
            far = socket.create_connection(
                (self.target.host, self.target.port), HANG_BOUND_S)
        except OSError:
            near.close()
            return
        pair = near, far
        for one in pair:
            one.settimeout(None)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.pairs.add(pair)
        with contextlib.suppress(OSError):
            self._relay(pair)
        with self.lock:
            self.pairs.discard(pair)
        for one in pair:
            one.close()

    def _relay(self, pair):
        near, far = pair
        other = {near: far, far: near}
        while True:
            ready, _, _ = select.select(pair, [], [])
            self.flows.wait()
            with self.lock:
                if pair not in self.pairs:
                    return
            for one in ready:
                data = one.recv(CHUNK)
                if not data:
                    return
                self._pass_on(other[one], data)

    def _pass_on(self, to, data):
        if self.delay_s:
            time.sleep(self.delay_s)
        if not self.is_torn:
            to.sendall(data)
            return
        for i in range(0, len(data), SPLIT):
            to.sendall(data[i:i + SPLIT])
            time.sleep(SPLIT_S)
