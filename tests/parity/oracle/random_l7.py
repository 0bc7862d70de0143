"""A capture of random conversations for each group of fields that come from payload, with what records must say of each."""
import random

from . import random_flows, random_talk, random_tls
from .packets import TCP, UDP

PLAYS = {"dns": random_talk.dns, "ftp": random_talk.ftp, "entropy": random_talk.entropy, "http": random_talk.http, "tls": random_tls.tls, "quic": random_tls.quic}


LATEST_US = 200_000


def lossy(frames, chance):
    """Of all packets one in twenty is lost, as many are late, and as many are sent twice."""
    for time, frame, wire in frames:
        what = chance.randrange(20)
        if what == 1:
            yield time, frame, wire
        if what:
            yield time + (chance.randrange(LATEST_US) if what < 3 else 0), frame, wire


def capture(group, seed, flows, is_lossy=False):
    """The bytes of a pcap file, and {key of a flow: {field: value}}, as assigned.key_of() has keys; what is said holds without losses."""
    chance, frames, known = random.Random(f"{group} {seed}"), [], {}
    for number in range(flows):
        flow = random_flows.Flow(chance, group, number)
        made = PLAYS[group](flow)
        frames += flow.frames
        known[(*sorted(zip(flow.ends, flow.ports)), TCP if flow.by_tcp else UDP, flow.vlan or 0)] = made
    return random_flows.pcap(list(lossy(frames, chance)) if is_lossy else frames), known
