"""A TCP relay between a sensor and its broker that can be slow, silent, or cut connections."""
import contextlib
import selectors
import socket
import threading
import time

CHUNK = 1 << 16
TICK_S = 0.01


class Relay:
    """Listens on .port of loopback and passes each connection on to .target.

    .rate: bytes a second and direction of each connection, None: as fast as it goes. .delay_s: before each pass. .silent: bytes
    stay where they are. .refusing: connections are accepted and closed at once."""

    def __init__(self):
        self.target, self.rate, self.delay_s, self.silent, self.refusing = None, None, 0.0, False, False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.accepted, self.pairs, self.lock = 0, set(), threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.accepted += 1
                if self.refusing:
                    client.close()
                else:
                    threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(self.target) as server:
            pair = (client, server)
            with self.lock:
                self.pairs.add(pair)
            try:
                self.carry(client, server)
            finally:
                with self.lock:
                    self.pairs.discard(pair)

    def carry(self, client, server):
        ends = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(end, selectors.EVENT_READ)
            while True:
                if self.silent:
                    time.sleep(TICK_S)
                    continue
                for key, _ in selector.select(0.2):
                    rate = self.rate
                    data = key.fileobj.recv(max(1, int(rate * TICK_S)) if rate else CHUNK)
                    if not data:
                        return
                    if self.delay_s:
                        time.sleep(self.delay_s)
                    ends[key.fileobj].sendall(data)
                    if rate:
                        time.sleep(len(data) / rate)  # the link's own pace

    def cut(self):
        """All connections end at once."""
        with self.lock:
            for pair in self.pairs:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        self.cut()
