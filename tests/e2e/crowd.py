"""Processes that make short connections, and write down which they were: the truth for test_visibility.py.

    crowd.py serve PORT                         echoes on PORT, TCP and UDP, IPv4 and IPv6, until it is killed
    crowd.py connect COUNT CONNECTIONS SEED ADDRESS4 ADDRESS6 PORT OWN4 OWN6 FOLDER
                                                COUNT processes with CONNECTIONS each, one after another
    crowd.py trickle OWN4 ADDRESS4 PORT          a datagram now and then, until it is killed
    crowd.py hold COUNT                         COUNT sockets, open until it is killed
"""
import json
import os
import random
import resource
import selectors
import signal
import socket
import struct
import sys
import time

SHARED_PORTS = range(5000, 5080)  # of all processes of a namespace, one after another
KINDS = [(family, kind) for family in (socket.AF_INET, socket.AF_INET6) for kind in ("tcp", "connected", "unconnected")]
REUSES = 0.3   # how many connections take one of the shared ports
RESETS = 0.2   # how many TCP connections end by a reset, which frees the port at once
SHORT, LONG = (0.0, 0.09), (0.11, 0.35)


def serve(port):
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("::", port))
    for ready in (listener, datagrams):
        selector.register(ready, selectors.EVENT_READ)
    print("serving", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif key.fileobj is datagrams:
                datagrams.sendto(*datagrams.recvfrom(2048))
            else:
                echo(selector, key.fileobj)


def echo(selector, connection):
    try:
        data = connection.recv(2048)
        if data:
            connection.sendall(data)
            return
    except OSError:
        pass
    selector.unregister(connection)
    connection.close()


class Member:
    """One process of the crowd."""

    def __init__(self, seed, remotes, owns, port, path):
        self.random, self.remotes, self.owns, self.port = random.Random(seed), remotes, owns, port
        self.log = open(path, "w", encoding="utf-8")

    def bind(self, sock, family):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Datagram sockets that share a port by this option would share its answers too: one at a time.
        if sock.type == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        sock.bind((self.owns[family], self.random.choice(SHARED_PORTS) if self.random.random() < REUSES else 0))

    def talk(self, sock, family, kind, seconds):
        remote = (self.remotes[family], self.port)
        if kind != "unconnected":
            sock.connect(remote)
        send = (lambda data: sock.sendto(data, remote)) if kind == "unconnected" else sock.send
        for pause in (seconds, 0):
            send(b"to whom it may concern")
            sock.recv(100)
            time.sleep(pause)  # how long a connection lasts

    def connection(self):
        family, kind = self.random.choice(KINDS)
        seconds = self.random.uniform(*self.random.choice((SHORT, LONG)))
        protocol = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        with socket.socket(family, protocol) as sock:
            sock.settimeout(2)
            begin = time.time()
            try:
                self.bind(sock, family)
                if kind == "tcp" and self.random.random() < RESETS:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                own = sock.getsockname()
                self.talk(sock, family, kind, seconds)
            except OSError as error:
                own = own if "own" in locals() else None
                if own is None:
                    return False  # the port is taken
                self.write(protocol, own, family, begin, str(error))
                return True
        self.write(protocol, own, family, begin, "")
        return True

    def write(self, protocol, own, family, begin, error):
        json.dump({"pid": os.getpid(), "protocol": 6 if protocol == socket.SOCK_STREAM else 17, "src": own[0], "src_port": own[1],
                   "dst": self.remotes[family], "dst_port": self.port, "begin": begin, "end": time.time(), "error": error}, self.log)
        self.log.write("\n")

    def run(self, connections):
        with open("/proc/self/comm", "w", encoding="utf-8") as comm:
            comm.write(f"member{os.getpid()}")
        time.sleep(self.random.uniform(0, 0.5))  # they don't begin together
        while connections > 0:
            connections -= self.connection()
            time.sleep(self.random.uniform(0.01, 0.1))  # the pace of the traffic
        self.log.close()


def connect(count, connections, seed, remote4, remote6, port, own4, own6, folder):
    remotes = {socket.AF_INET: remote4, socket.AF_INET6: remote6}
    owns = {socket.AF_INET: own4, socket.AF_INET6: own6}
    children = []
    for number in range(int(count)):
        child = os.fork()
        if child == 0:
            Member(f"{seed} {number}", remotes, owns, int(port), f"{folder}/{os.getpid()}.log").run(int(connections))
            os._exit(0)
        children.append(child)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    sys.exit(1 if failed else 0)


def trickle(own, remote, port):
    """A short flow now and then, so that there is something to see."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((own, 0))
            sock.sendto(b"drop", (remote, int(port)))
        time.sleep(0.5)  # the pace of the traffic


def hold(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 100,) * 2)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    held = []
    while len(held) < count:
        held += [socket.create_connection(listener.getsockname()), listener.accept()[0]]
    print("holding", flush=True)
    signal.pause()


if __name__ == "__main__":
    {"serve": lambda port: serve(int(port)), "connect": connect, "trickle": trickle, "hold": lambda count: hold(int(count))}[sys.argv[1]](*sys.argv[2:])
