"""Certificates of a test's own."""
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def day(number):
    """So many days from now."""
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=number)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Issues certificates in PEM; .certificate is its own."""

    def __init__(self, key, certificate):
        self.key, self.own = key, certificate
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def new(cls):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = cls.builder("an authority", "an authority", key, 30).add_extension(x509.BasicConstraints(True, None), True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def read(cls, certificate, key):
        """One that is there, by its files."""
        return cls(serialization.load_pem_private_key(key.read_bytes(), None), x509.load_pem_x509_certificate(certificate.read_bytes()))

    @staticmethod
    def builder(subject, issuer, key, days):
        return x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number(), day(-60), day(days))

    def issue(self, subject, days=90, address="127.0.0.1"):
        """A certificate and its key. Negative days: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateBuilder(self.own.subject, name(subject), key.public_key(), x509.random_serial_number(), day(-60), day(days))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        certificate = builder.add_extension(x509.BasicConstraints(False, None), True).sign(self.key, hashes.SHA256())
        return (certificate.public_bytes(serialization.Encoding.PEM),
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
