"""Section 2.8's kin: methods and status codes of HTTP/1, of messages that begin a segment or a datagram (RFC 9112, 3 and 4).

nDPI keeps the last one that it read, and stops some time: a record's value must be of a message that there was.
"""
import re

from .packets import TCP, UDP

# Those that nDPI's dissector takes for a request's begin.
METHODS = ("GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE", "CONNECT")
REQUEST = re.compile(rb"(%s) " % "|".join(METHODS).encode())
WHOLE_REQUEST = re.compile(rb"(%s) [^\r\n]* HTTP/1\.[0-9]\r?\n" % "|".join(METHODS).encode())
RESPONSE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})")
HIGHEST_STATUS = 509  # with nDPI 4.2; a higher one takes away what was there


def seen(pattern, packets):
    return [found[1] for packet in packets if packet.protocol in (TCP, UDP) and (found := pattern.match(packet.payload))]


def fields(part):
    """{field: the values that it may have}; `None` among them where no message is whole enough to be sure of."""
    if part.before is None:
        return {}
    packets = [*part.before, *part.packets]
    methods = {method.decode() for method in seen(REQUEST, packets)}
    statuses = {status if status <= HIGHEST_STATUS else None for status in map(int, seen(RESPONSE, packets))}
    return {"http_method": methods | (set() if seen(WHOLE_REQUEST, packets) else {None}), "http_status": statuses or {None}}
