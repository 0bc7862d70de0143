"""Issuer, subject and validity of an X.509 certificate (RFC 5280, 4.1), read as DER."""
import calendar
import re
import time

from .handshake import Cut

EXPLICIT_0, UTC_TIME, OID, OCTETS, CONSTRUCTED = 0xA0, 0x17, 0x06, 0x04, 0x20
# nDPI's names of attributes (RFC 5280, appendix A.1), by the last byte of their identifiers 2.5.4.*; others it doesn't know.
NAMES = {3: "CN", 6: "C", 7: "L", 8: "ST", 10: "O", 11: "OU"}
KINDS = [bytes([kind]) for kind in NAMES]
MOST_OF_VALUE, LONG, MOST = 63, 128, 255  # nDPI reads no length of several bytes


def elements(data):
    """(tag, content) of each element that data is made of."""
    at = 0
    while at + 2 <= len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at:at + size], "big"), at + size
        if at + length > len(data):
            raise Cut
        yield tag, data[at:at + length]
        at += length


def parts(certificate):
    """(issuer, not before, not after, subject): names as nDPI writes them, times in microseconds, each None where there is none."""
    fields = fields_of(certificate)
    validity = list(elements(fields[3]))
    return name(fields[2]), moment(validity[0]), moment(validity[1]), name(fields[4] + b"".join(fields[5:]))


def fields_of(certificate):
    """What is signed but for the version: the serial number, an algorithm, issuer, validity, subject, key, what else there is."""
    try:
        body = next(content for _, content in elements(next(elements(certificate))[1]))
        fields = [content for tag, content in elements(body) if tag != EXPLICIT_0]
    except (StopIteration, IndexError) as error:
        raise Cut from error
    if len(fields) < 6:
        raise Cut
    return fields


def has_short_years(certificate):
    """Whether both its times have two digits of the year: nDPI reads no others, and then no names."""
    return [tag for tag, _ in elements(fields_of(certificate)[3])] == [UTC_TIME, UTC_TIME]


def name(data):
    """C=..., O=..., CN=...: attributes that nDPI knows and whose values it can print, of each at most 63 bytes, of all 255. Those of names in
    the extensions follow the subject's own."""
    made = [f"{NAMES[kind]}={value.decode()}" for kind, value in attributes(data) if re.fullmatch(rb"[ -~]*", value)]
    return ", ".join(made)[:MOST] or None


def attributes(data):
    """(kind, value) of all attributes in elements and what they hold, extensions' octets too."""
    try:
        inner = list(elements(data))
    except (Cut, IndexError):
        return
    if len(inner) == 2 and inner[0][0] == OID and inner[0][1][:2] == b"\x55\x04" and inner[0][1][2:] in KINDS:
        if len(inner[1][1]) < LONG:
            yield inner[0][1][2], inner[1][1][:MOST_OF_VALUE]
        return
    for tag, content in inner:
        if tag & CONSTRUCTED or tag == OCTETS:
            yield from attributes(content)


def moment(element):
    """Times have two digits of the year up to 2049, of which 50 and more are of the century before; four from 2050 on."""
    tag, value = element
    text = value.decode(errors="replace")
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")) * 10**6
    except ValueError:
        return None
