"""Conversations between pods of a layout, and a reference for them: tcpdump on the pod's own device."""
import contextlib
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from harness import wait_until
from namespaces import inside

TCP_COUNT, UDP_COUNT, QUESTIONS = 10, 5, 3
TIME_LIMIT_S = 30
LISTEN, TIME_WAIT = "0A", "06"
ETHERNET_BYTES = 14


class Conversation(NamedTuple):
    """As the client has it: (address, port) of both."""
    protocol: int
    client: tuple
    server: tuple

    @property
    def key(self):
        return (self.protocol, *sorted((self.client, self.server)))


def request_bytes(number):
    return 1000 + 700 * number


class Server:
    """Answers TCP (as many bytes as it was sent, twice) and UDP on one address, until it is closed."""

    def __init__(self, namespace, address):
        self.tcp = inside(namespace, socket.create_server, (address, 0))
        self.udp = inside(namespace, socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 0))
        for serve in (self.serve_tcp, self.serve_udp):
            threading.Thread(target=serve, daemon=True).start()

    def serve_tcp(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                with self.tcp.accept()[0] as connection:
                    received = 0
                    while data := connection.recv(1 << 16):
                        received += len(data)
                    connection.sendall(bytes(2 * received))

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                data, client = self.udp.recvfrom(1 << 16)
                if client is None:
                    return  # closed
                self.udp.sendto(data + b"answer", client)

    def close(self):
        for one in (self.tcp, self.udp):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # ends the wait of its thread
            one.close()


def client_socket(kind):
    made = socket.socket(socket.AF_INET, kind)
    made.settimeout(TIME_LIMIT_S)
    return made


def tcp_conversation(namespace, server, size):
    with inside(namespace, client_socket, socket.SOCK_STREAM) as connection:
        connection.connect(server)
        client = connection.getsockname()
        connection.sendall(bytes(size))
        connection.shutdown(socket.SHUT_WR)
        received = 0
        while data := connection.recv(1 << 16):
            received += len(data)
    if received != 2 * size:
        raise RuntimeError(f"{received} bytes of {2 * size} from {server}")
    return Conversation(socket.IPPROTO_TCP, client, server)


def udp_conversation(namespace, server, size):
    with inside(namespace, client_socket, socket.SOCK_DGRAM) as asking:
        asking.connect(server)
        for _ in range(QUESTIONS):
            asking.send(bytes(size))
            asking.recv(1 << 16)
        return Conversation(socket.IPPROTO_UDP, asking.getsockname(), server)


def talk(namespace, tcp, udp=None, tcp_count=TCP_COUNT):
    """Conversations from a namespace with a server's TCP and UDP addresses."""
    made = [tcp_conversation(namespace, tcp, request_bytes(number)) for number in range(tcp_count)]
    return made + [udp_conversation(namespace, udp, 100 + number) for number in range(UDP_COUNT if udp else 0)]


def open_connections():
    """TCP sockets of the namespace that have packets yet to send or to get."""
    lines = Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[3] not in (LISTEN, TIME_WAIT)]


def wait_for_silence(namespaces):
    """Until every connection is over, its last acknowledgement too."""
    wait_until(lambda: not any(inside(name, open_connections) for name in namespaces), what="the end of the connections", limit=TIME_LIMIT_S)


class Reference:
    """tcpdump on eth0 of a pod: packets and bytes of IP of each conversation, by the addresses that the pod sees. A packet of
    TCP that is larger than the MTU counts as the segments that it is sent as."""

    def __init__(self, cluster, namespace):
        self.cluster, self.namespace, self.begin = cluster, namespace, cluster.counters(namespace)
        self.file, self.errors = tempfile.NamedTemporaryFile(suffix=".pcap"), tempfile.TemporaryFile()
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace, "tcpdump", "-i", "eth0", "-n", "-U", "-s", "96", "--immediate-mode",
                                         "-Z", "root", "-w", self.file.name], stdout=subprocess.DEVNULL, stderr=self.errors)
        wait_until(lambda: self.ended() or b"listening on" in self.said(), what="tcpdump", limit=TIME_LIMIT_S)

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def ended(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"tcpdump: {self.said().decode()}")
        return False

    def packets(self):
        """Those in the file, each cut."""
        data, at, found = Path(self.file.name).read_bytes(), 24, []
        while at + 16 <= len(data):
            kept, = struct.unpack_from("<I", data, at + 8)
            found.append(data[at + 16:at + 16 + kept])
            at += 16 + kept
        return found

    def totals(self):
        """{key: [packets, bytes of IP]}, as soon as the file has every packet that the device has counted."""
        want = self.cluster.counters(self.namespace) - self.begin
        wait_until(lambda: len(self.packets()) >= want, what=f"{want} packets in the reference", limit=TIME_LIMIT_S)
        totals = {}
        for frame in self.packets():
            if frame[12:14] != b"\x08\x00" or frame[23] not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                continue
            ports = struct.unpack_from("!HH", frame, ETHERNET_BYTES + 4 * (frame[14] & 15))
            ends = sorted((socket.inet_ntoa(frame[at:at + 4]), port) for at, port in zip((26, 30), ports))
            count = totals.setdefault((frame[23], *ends), [0, 0])
            for number, more in enumerate(self.on_the_wire(frame)):
                count[number] += more
        return totals

    def on_the_wire(self, frame):
        """(packets, bytes of IP)"""
        size, begin = struct.unpack_from("!H", frame, 16)[0], ETHERNET_BYTES + 4 * (frame[14] & 15)
        if frame[23] != socket.IPPROTO_TCP or size <= self.cluster.mtu:
            return 1, size
        headers = begin - ETHERNET_BYTES + 4 * (frame[begin + 12] >> 4)
        segments = -(-(size - headers) // (self.cluster.mtu - headers))
        return segments, size + (segments - 1) * headers

    def close(self):
        self.process.kill()
        self.process.wait()
        self.file.close()
        self.errors.close()
