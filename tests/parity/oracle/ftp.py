"""Section 2.8: the last FTP reply that begins a segment from port 21 to the source (RFC 959, 4.2)."""
import re

from .packets import TCP

PORT = 21
REPLY = re.compile(rb"([0-9]{3})[ -]")


def fields(part):
    if part.before is None:
        return {}
    codes = [int(reply[1]) for packet in [*part.before, *part.packets]
             if packet.protocol == TCP and not packet.forward and packet.source_port == PORT and (reply := REPLY.match(packet.payload))]
    return {"ftp_reply_code": codes[-1] if codes else None}
