"""A capture full of personal data, drawn from a seed: addresses, MAC addresses, names, user agents; and the search for
them, in whatever form, in whatever a program lets out."""
import ipaddress
import random
import string
import struct

import frames

DOMAINS = ("example.com", "example.co.uk", "example.org", "example.net")
CONVERSATIONS = 64


class Personal:
    """.capture, and what stands in it by class: .addresses, .macs, .names, .agents. Of a name the part that belongs to a
    person, not the domain."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.addresses, self.macs, self.names, self.agents = [], [], [], []
        packets = []
        for number in range(CONVERSATIONS):
            packets += frames.every(0.001, self.conversation(number), begin=number * 0.05)
        self.capture = frames.pcap(packets)

    def address(self, version):
        """A global address of which no byte is common."""
        if version == 4:
            packed = bytes([self.dice.randrange(11, 120), *(self.dice.randrange(17, 250) for _ in range(3))])
        else:
            packed = b"\x20\x01" + self.dice.randbytes(14)
        self.addresses.append(ipaddress.ip_address(packed))
        return packed

    def mac(self):
        """Of a vendor, or, now and then, a random one as telephones take."""
        mac = bytes([self.dice.choice((0x00, 0x80, 0xa4, 0xda)), *self.dice.randbytes(5)])
        self.macs.append(mac)
        return mac

    def word(self, length=12):
        return "".join(self.dice.choices(string.ascii_lowercase, k=length))

    def name(self):
        self.names.append(self.word())
        return f"{self.names[-1]}.{self.dice.choice(DOMAINS)}"

    def agent(self):
        self.agents.append(f"{self.word()}/{self.dice.randrange(10, 99)}.{self.word()}")
        return self.agents[-1]

    def conversation(self, number):
        """One client asks one server something."""
        version = 6 if number % 3 == 2 else 4
        client, server = self.address(version), self.address(version)
        ends = Ends(client, server, self.mac(), self.mac(), 20000 + number)
        kind = number % 8
        if kind < 2:
            return ends.tcp(443, frames.tls_client_hello(self.name().encode()), b"")
        if kind < 4:
            request = f"GET / HTTP/1.1\r\nHost: {self.name()}\r\nUser-Agent: {self.agent()}\r\n\r\n"
            return ends.tcp(80, request.encode(), b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")
        if kind == 4:  # what is asked for is itself an address
            host = str(ipaddress.ip_address(self.address(4)))
            request = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {self.agent()}\r\n\r\n"
            return ends.tcp(80, request.encode(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if kind == 5:
            reverse = ipaddress.ip_address(self.address(4)).reverse_pointer
            return ends.dns(53, reverse)
        if kind == 6:  # a device that tells its owner's name
            self.names.append(self.word())
            return ends.dns(5353, f"{self.names[-1]}-laptop.local")
        return ends.dns(53, self.name())


class Ends:
    """Two hosts and the frames between them."""

    def __init__(self, client, server, client_mac, server_mac, port):
        self.hosts, self.macs, self.port = (client, server), (client_mac, server_mac), port

    def frame(self, answer, protocol, payload):
        source, destination = reversed(self.hosts) if answer else self.hosts
        from_mac, to_mac = reversed(self.macs) if answer else self.macs
        if len(source) == 4:
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0, source, destination)
            head = head[:10] + struct.pack("!H", frames.checksum(head)) + head[12:]
            return to_mac + from_mac + b"\x08\x00" + head + payload
        head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, source, destination)
        return to_mac + from_mac + b"\x86\xdd" + head + payload

    def segment(self, answer, port, sequence, acknowledged, flags, payload=b""):
        ports = (port, self.port) if answer else (self.port, port)
        return self.frame(answer, 6, struct.pack("!HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 8192, 0, 0) + payload)

    def tcp(self, port, request, answer):
        syn, ack, push = 2, 16, 24
        sent, received = 1 + len(request), 1 + len(answer)
        return [self.segment(False, port, 0, 0, syn), self.segment(True, port, 0, 1, syn | ack), self.segment(False, port, 1, 1, ack),
                self.segment(False, port, 1, 1, push, request), self.segment(True, port, 1, sent, push, answer),
                self.segment(False, port, sent, received, ack)]

    def dns(self, port, name):
        question = frames.dns_query([label.encode() for label in name.split(".")])
        answer = question[:2] + b"\x81\x83" + question[4:]
        return [self.frame(False, 17, struct.pack("!HHHH", self.port, port, 8 + len(question), 0) + question),
                self.frame(True, 17, struct.pack("!HHHH", port, self.port, 8 + len(answer), 0) + answer)]


def backwards(value):
    """A value's bytes in both orders."""
    return [value, value[::-1]]


def digits(value):
    """Either order in hexadecimal digits, plain and with separators; lower case."""
    return [text.encode() for form in backwards(value) for text in (form.hex(), form.hex(":"), form.hex("-"))]


def address_texts(address):
    reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    full = ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":")) if address.version == 6 else reverse
    return [text.encode() for text in {str(address), address.exploded, reverse, full}]


class Search:
    """Looks for many values in what a program let out: as text, in hexadecimal digits, in bytes, either way round."""

    def __init__(self, personal, fingerprints=()):
        self.values = [("address", str(address), address.packed, address_texts(address)) for address in personal.addresses]
        self.values += [("mac", mac.hex(":"), mac, []) for mac in personal.macs]
        for kind, texts in (("name", personal.names), ("agent", personal.agents), ("fingerprint", sorted(fingerprints))):
            self.values += [(kind, text, text.encode(), [text.encode(), text.encode("utf-16-le")]) for text in texts]

    def found(self, data):
        """{class: set of values that stand in the bytes}"""
        lower, found = data.lower(), {}
        for kind, value, packed, texts in self.values:
            if any(form in data for form in backwards(packed)) or any(form in lower for form in texts + digits(packed)):
                found.setdefault(kind, set()).add(value)
        return found
