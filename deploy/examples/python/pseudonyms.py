#!/usr/bin/env python3
"""What the sensor makes of a value under a key: to find somebody's records again, or to check the sensor.

    pseudonyms.py KEY_FILE METHOD VALUE...

METHOD is hash, short_hash, prefix_preserving, keep_oui, keep_registered_domain (VALUE: name/domain, as in
www.example.org/example.org) or anon_key_id (no value). KEY_FILE is the sensor's anonymization.key_file. This is the
definition of the methods; the sensor is tested against it. Needs Python's cryptography for the methods that use AES.
"""
import sys
from hashlib import blake2b
from ipaddress import ip_address


class Pseudonyms:
    """`key` is the 32 bytes of the key file."""

    def __init__(self, key):
        self.key = key

    def subkey(self, use):
        """64 bytes for each use, so that one says nothing of another."""
        return blake2b(b"flowsensor " + use, key=self.key).digest()

    def anon_key_id(self):
        return self.subkey(b"anon_key_id")[:8].hex()

    def hash(self, text):
        """As NFStream's, whose key is random."""
        return blake2b(text.encode(), key=self.subkey(b"hash")).hexdigest()

    def short_hash(self, text):
        return blake2b(text.encode(), key=self.subkey(b"short_hash"), digest_size=8).hexdigest()

    def keep_registered_domain(self, name, domain=""):
        """`domain` is what the list of public suffixes says is registered; "" for none."""
        name = name.lower().removesuffix(".")
        digest = blake2b(name.encode(), key=self.subkey(b"keep_registered_domain"), digest_size=8).hexdigest()
        return name if name == domain else f"{digest}.{domain}" if domain else digest

    def prefix_preserving(self, text):
        """Crypto-PAn, with the first 32 bytes of the subkey as its key."""
        subkey = self.subkey(b"prefix_preserving")
        encrypt = aes(subkey[:16])
        pad = int.from_bytes(encrypt(subkey[16:32]), "big")
        address = ip_address(text)
        number, flips = int(address) << 128 - address.max_prefixlen, 0
        for position in range(address.max_prefixlen):
            rest = (1 << 128 - position) - 1
            block = (number & ~rest | pad & rest).to_bytes(16, "big")
            flips = flips << 1 | encrypt(block)[0] >> 7
        return str(type(address)(int(address) ^ flips))

    def keep_oui(self, text):
        mac, encrypt = bytes.fromhex(text.replace(":", "")), aes(self.subkey(b"keep_oui")[:16])
        if mac == b"\xff" * 6:
            return text
        if mac[0] & 2:  # locally administered: there is no OUI to keep
            mapped = encrypt(b"\xff" + mac + bytes(9))
            return (bytes([mapped[0] & 0xFC | mac[0] & 3]) + mapped[1:6]).hex(":")
        device = int.from_bytes(mac[3:], "big")
        left, right = device >> 12, device & 0xFFF
        for number in range(10):
            block = encrypt(bytes([number]) + mac[:3] + right.to_bytes(2, "big") + bytes(10))
            left, right = right, left ^ int.from_bytes(block[:2], "big") & 0xFFF
        return (mac[:3] + (left << 12 | right).to_bytes(3, "big")).hex(":")


def aes(key):
    """AES-128 of one block."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in vars(Pseudonyms) or sys.argv[2].startswith("_"):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="ascii") as file:
        pseudonyms = Pseudonyms(bytes.fromhex(file.read()))
    method = getattr(pseudonyms, sys.argv[2])
    for value in sys.argv[3:] or [None]:
        print(method(*(value.split("/") if value else ())))


if __name__ == "__main__":
    main()
