"""A capture of random conversations for each group of fields that come from payload, with what records must say of each."""
import random

from . import random_flows, random_talk, random_tls
from .packets import TCP, UDP

PLAYS = {"dns": random_talk.dns, "ftp": random_talk.ftp, "entropy": random_talk.entropy, "http": random_talk.http, "tls": random_tls.tls, "quic": random_tls.quic}


def capture(group, seed, flows):
    """The bytes of a pcap file, and {key of a flow: {field: value}}, as assigned.key_of() has keys."""
    chance, frames, known = random.Random(f"{group} {seed}"), [], {}
    for number in range(flows):
        flow = random_flows.Flow(chance, group, number)
        made = PLAYS[group](flow)
        frames += flow.frames
        known[(*sorted(zip(flow.ends, flow.ports)), TCP if flow.by_tcp else UDP, flow.vlan or 0)] = made
    return random_flows.pcap(frames), known
