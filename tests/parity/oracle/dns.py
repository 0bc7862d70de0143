"""Section 2.8: what was asked and answered on port 53, of the messages that begin a datagram or a segment (RFC 1035, 4)."""
import struct

from .packets import TCP, UDP

PORT, HEADER, LENGTH = 53, 12, 2
RESPONSE, RCODE = 0x8000, 15
A, AAAA = 1, 28
HIGHEST_TTL = 2**31 - 1


def fields(part):
    """Of the flow's first message, and of the first response that has its id."""
    if part.before is None:
        return {}
    query = response = None
    for message in messages([*part.before, *part.packets]):
        query = query or message
        if message.is_response and message.id == query.id:
            response = message
            break
    return {"dns_query_id": query.id if query else None, "dns_query_type": query.question_type() if query else None,
            "dns_response_code": response.code if response else None, "dns_answers": response.answers if response else None,
            "dns_answer_ttl": response.ttl() if response else None}


def messages(packets):
    """Those that begin with a packet's payload; of TCP their length comes before them, or in the direction's segment before."""
    announced = {True: False, False: False}
    for packet in packets:
        if PORT not in (packet.source_port, packet.destination_port) or packet.protocol not in (TCP, UDP):
            continue
        payload = packet.payload
        if packet.protocol == TCP and payload:
            by_itself, announced[packet.forward] = announced[packet.forward], not announced[packet.forward] and len(payload) == LENGTH
            payload = payload if by_itself else payload[LENGTH:]
        if len(payload) >= HEADER:
            yield Message(payload)


class Cut(Exception):
    """A message ends before what is looked for, or a name is none."""


class Message:
    def __init__(self, data):
        self.data = data
        self.id, flags, self.questions, self.answers = struct.unpack_from(">HHHH", data)
        self.is_response, self.code = bool(flags & RESPONSE), flags & RCODE

    def need(self, end):
        if end > len(self.data):
            raise Cut
        return end

    def behind_name(self, at):
        while True:
            length = self.data[self.need(at + 1) - 1]
            if length >= 0xC0:
                return self.need(at + 2)
            if length >= 64:
                raise Cut
            at = self.need(at + 1 + length)
            if length == 0:
                return at

    def question_type(self):
        try:
            if self.questions:
                at = self.behind_name(HEADER)
                return struct.unpack_from(">H", self.data[:self.need(at + 4)], at)[0]
        except Cut:
            pass
        return None

    def ttl(self):
        """Of the first answer that is an address; None without one. Of 2^31 and more it is 0 (RFC 2181, 8)."""
        try:
            at = HEADER
            for _ in range(self.questions):
                at = self.need(self.behind_name(at) + 4)
            for _ in range(self.answers):
                at = self.behind_name(at)
                kind, _, ttl, length = struct.unpack_from(">HHIH", self.data[:self.need(at + 10)], at)
                if kind in (A, AAAA):
                    return ttl if ttl <= HIGHEST_TTL else 0
                at += 10 + length
        except Cut:
            pass
        return None
