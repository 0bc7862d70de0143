"""The oracle of payloads against cases of the RFCs and ones that a person can count, and that fields.py finds what differs."""
import unittest
from contextlib import redirect_stdout
from datetime import datetime, timezone
from io import StringIO

import fields
from cryptography import x509
from oracle import captured, certificate, dns, entropy, ftp, judged, quic, random_l7, random_tls, streams, unread
from oracle.assigned import Slice
from oracle.packets import ACK, TCP, UDP, Packet, packets


def packet(payload, forward=True, protocol=UDP, ports=(4000, 53), seq=0):
    made = Packet(0, 100 + len(payload))
    made.payload, made.p, made.forward, made.protocol, made.seq, made.flags = payload, len(payload), forward, protocol, seq, ACK
    made.source_port, made.destination_port = ports if forward else ports[::-1]
    return made


def of(group, *made, name="TLS"):
    return group.fields(Slice({"application_name": name, "tls_cipher": None}, list(made), []))


class Dns(unittest.TestCase):
    QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000 01 61 00 001c 0001")
    ANSWER = bytes.fromhex("1234 8183 0001 0002 0000 0000 01 61 00 001c 0001  c00c 0005 0001 00000009 0002 c00c  c00c 001c 0001 0000003c 0010") + bytes(16)

    def test_query_and_answer(self):
        made = of(dns, packet(self.QUERY), packet(b"\x12\x35" + self.ANSWER[2:], False), packet(self.ANSWER, False))
        self.assertEqual(list(made.values()), [0x1234, 28, 3, 2, 60])

    def test_cut(self):
        for end, wanted in ((11, [None] * 5), (12, [0x1234, None, 3, 2, None]), (20, [0x1234, 28, 3, 2, None]), (49, [0x1234, 28, 3, 2, 60])):
            self.assertEqual(list(of(dns, packet(self.ANSWER[:end], False)).values()), wanted, end)

    def test_tcp(self):
        alone = [packet(b"\0\x13", protocol=TCP), packet(self.QUERY, protocol=TCP)]
        for made in (alone, [packet(b"\0\x13" + self.QUERY, protocol=TCP)]):
            self.assertEqual(of(dns, *made)["dns_query_type"], 28)


class Others(unittest.TestCase):
    def test_ftp(self):
        said = [b"220 x", b"230-x", b"999", b"1234", b" 110 x", b"110x"]
        self.assertEqual(of(ftp, *(packet(one, False, TCP, (4000, 21)) for one in said)), {"ftp_reply_code": 230})
        self.assertEqual(of(ftp, packet(b"220 x", True, TCP, (21, 4000))), {"ftp_reply_code": None})

    def test_entropy(self):
        made = of(entropy, packet(b"ab" * 8), packet(b"a" * 600, False), packet(bytes(range(256)), False))
        self.assertEqual(list(made.values()), [1.0, 16, 0.0, 512])
        self.assertEqual(list(of(entropy, packet(b"a" * 15)).values()), [None, 15, None, None])

    def test_quic_versions(self):
        made = [packet(b"\x80\0\0\0\0"), packet(b"\xc0\0\0\0\1"), packet(b"\xc0\0\0\0\2"), packet(b"\x40\0\0\0\3", False)]
        self.assertEqual(of(quic, *made, name="QUIC.Made"), {"src2dst_quic_version": 1, "dst2src_quic_version": None})
        self.assertEqual(of(quic, *made, name="QUICK")["src2dst_quic_version"], None)

    def test_quic_keys(self):
        """Of RFC 9001, A.1."""
        keys = quic.Keys(quic.salt_of(1), bytes.fromhex("8394c8f03e515708"))
        self.assertEqual((keys.key.hex(), keys.iv.hex()), ("1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c"))
        sample = bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b")
        self.assertEqual(keys.mask(sample)[:5].hex(), "437b9aec36")


class Tls(unittest.TestCase):
    def test_segments(self):
        """In any order, sent again, with a hole."""
        data = b"\x16\x03\x01\0\x04\x01\0\0\0" + bytes(20)
        pieces = [packet(data[at:at + 7], protocol=TCP, seq=(2**32 - 9 + at) % 2**32) for at in range(0, len(data), 7)]
        self.assertEqual(streams.bytes_of(pieces), data)
        self.assertEqual(streams.bytes_of([pieces[0], pieces[3], pieces[0], pieces[2], pieces[1], pieces[4]]), data)
        self.assertEqual(streams.bytes_of([pieces[0], pieces[2]]), data[:7])
        self.assertEqual(streams.bytes_of(pieces[1:]), b"")

    def test_certificates(self):
        for der, known in random_tls.certificates():
            issuer, begin, end, subject = certificate.parts(der)
            self.assertEqual(certificate.has_short_years(der), known["tls_issuer"] is not None)
            if known["tls_issuer"]:
                self.assertEqual((issuer, subject), (known["tls_issuer"], known["tls_subject"]))
            read = x509.load_der_x509_certificate(der)
            for ours, theirs in ((begin, read.not_valid_before_utc), (end, read.not_valid_after_utc)):
                self.assertEqual(datetime.fromtimestamp(ours // 10**6, timezone.utc), theirs)


    def test_names(self):
        """What is no printable ASCII, or has 128 bytes and more, is left out; names of extensions follow."""
        def element(tag, *parts):
            content = b"".join(parts)
            return bytes([tag]) + (bytes([len(content)]) if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")) + content

        def attribute(kind, value, tag=0x13):
            return element(0x31, element(0x30, element(6, b"\x55\x04", bytes([kind])), element(tag, value)))
        extension = element(0xA3, element(0x30, element(4, element(0x30, attribute(3, b"in")))))
        made = attribute(3, b"a") + attribute(10, "\u00e4".encode(), 12) + attribute(10, b"\0b", 30) + attribute(11, b"u" * 128) + attribute(5, b"1")
        self.assertEqual(certificate.name(made + attribute(11, b"v" * 127) + extension), "CN=a, OU=" + "v" * 63 + ", CN=in")


class Found(unittest.TestCase):
    """A record that says something else in any field is found."""

    def parts(self, group):
        """A slice for each random flow, with what the generator says of it."""
        data, known = random_l7.capture(group, 1, 40)
        flows = {}
        for one in packets(captured.frames(data)):
            flows.setdefault(one.key, []).append(one)
        for key, made in flows.items():
            for one in made:
                one.forward = (one.source, one.source_port) == (made[0].source, made[0].source_port)
            times = {f"bidirectional_{which}_seen": one.time for which, one in (("first", made[0]), ("last", made[-1]))}
            record = {"application_name": {"tls": "TLS", "quic": "QUIC"}.get(group, "HTTP"), "quality_flags": [], "ndpi_risks": [], "slice": 0,
                      **dict.fromkeys((*judged.tls.NAMES, "http_method", "http_status")), **times, **known[key]}
            yield Slice(record, made, []), known[key]

    def test_generators_agree(self):
        """The oracle reads from the packets what the generator has put there."""
        for group in random_l7.PLAYS:
            for part, known in self.parts(group):
                made = {}
                for module in (dns, ftp, entropy, quic, judged.tls, judged.http):
                    made.update(module.fields(part))
                for name, value in known.items():
                    if value is None and name in ("http_status", *unread.OF_CERTIFICATES):
                        continue  # what nDPI doesn't read
                    wanted = made[name] if isinstance(made[name], set) else {made[name]}
                    self.assertTrue(any(judged.equal(value, one, judged.TOLERANCE_OF_FLOAT) for one in wanted), (group, name, value, wanted))

    def test_dissected(self):
        part = next(part for part, known in self.parts("tls") if known["tls_issuer"] and known["tls_alpn_offered"])
        whole = part.record
        for name in ("tls_version", "tls_cipher", "tls_alpn_offered", "tls_issuer", "tls_subject", "tls_not_before", "tls_not_after"):
            part.record = {**whole, name: "other" if isinstance(whole[name], str) else whole[name] + 10**6}
            self.assertIn(name, [found[0] for found in judged.dissected(part)[2]])
            part.record = {**whole, name: None}
            lacking = judged.dissected(part)[1]
            self.assertIn(name, lacking)
            self.assertEqual(unread.reason(part, name), "nDPI ended before")

    def test_http(self):
        part, known = next((part, known) for part, known in self.parts("http") if known["http_status"])
        self.assertEqual(judged.dissected(part)[1:], ([], []))
        part.record.update(http_status=known["http_status"] + 1, http_method=None)
        self.assertEqual([judged.dissected(part)[1], judged.dissected(part)[2][0][0]], [["http_method"], "http_status"])

    def test_unread(self):
        """What isn't as unread.txt says, and what made flows lack."""
        outcomes = [fields.Outcome("a capture"), fields.Outcome("random tls")]
        outcomes[0].unread = unread.allowed()
        with redirect_stdout(StringIO()):
            self.assertEqual(fields.surprises(outcomes, True), [])
            outcomes[1].unread["tls_cipher", unread.OF_MADE[0]] += 1
            self.assertEqual(fields.surprises(outcomes, True), [])
            outcomes[0].unread["tls_cipher", "the label is a guess"] -= 1
            outcomes[1].unread["tls_cipher", "nDPI ended before"] += 1
            self.assertEqual([len(fields.surprises(outcomes, has_all)) for has_all in (True, False)], [2, 1])

    def test_forgotten(self):
        self.assertEqual(judged.forgotten({"tls_version": 1, "http_status": None, "seq": 1}, {"tls_version": None, "http_status": 200, "seq": None}), ["tls_version"])


if __name__ == "__main__":
    unittest.main()
