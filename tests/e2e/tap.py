"""A place between Lockstep and the server where one can listen in.

    with Tap(cluster) as tap:
        ... a Lockstep with upstream=tap ...
        tap.found(rb"select (.*)")

One thread moves all bytes, so what it finds is in the order in which it was
sent, over all connections.
"""

import re
import selectors
import socket
import threading

from cluster import free_port


class Tap:
    host = "127.0.0.1"

    def __init__(self, upstream):
        self.upstream = upstream
        self.port = free_port()
        self.heard = []  # what clients said, piece by piece
        self.told = []  # and what they were told
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server((self.host, self.port))
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.closing = threading.Event()
        self.ended = threading.Event()  # of a connection both ends have gone

    def found(self, pattern):
        """The first group of each match, earliest first."""
        return [match[1] for piece in list(self.heard)
                for match in re.finditer(pattern, piece)]

    def run(self):
        while not self.closing.is_set():
            for key, _events in self.selector.select(0.1):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj.fileno() >= 0:  # not gone with its other
                    self.move(key.fileobj, *key.data)

    def accept(self):
        client, _address = self.listener.accept()
        server = socket.create_connection((self.upstream.host,
                                           self.upstream.port))
        for end, other, is_client in ((client, server, True),
                                      (server, client, False)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(end, selectors.EVENT_READ,
                                   (other, is_client))

    def move(self, end, other, is_client):
        try:
            data = end.recv(65536)
            other.sendall(data)
        except OSError:
            data = b""
        (self.heard if is_client else self.told).append(data)
        if data:
            return
        for gone in end, other:
            self.selector.unregister(gone)
            gone.close()
        self.ended.set()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
