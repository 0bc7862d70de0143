"""Section 2.3: histograms, given by their bins' lower edges."""
from bisect import bisect_right

from . import directions

IP_PS = (0, 129, 257, 512, 513, 1024, 1025, 1515)
PAYLOAD_PS = (1, 16, 32, 64, 128, 256, 512, 1024)
PAYLOAD_PIAT_MS = (0, 1, 16, 32, 64, 128, 256, 512, 1024, 8192)


def fields(part):
    made = {}
    for direction in directions.ONE_WAY:
        packets = directions.of(part.packets, direction)
        data = [packet for packet in packets if packet.p > 0]
        times = [packet.time // 1000 for packet in data]
        made[f"{direction}_ip_ps_hist"] = histogram([packet.i for packet in packets], IP_PS)
        made[f"{direction}_payload_ps_hist"] = histogram([packet.p for packet in data], PAYLOAD_PS)
        made[f"{direction}_payload_piat_hist"] = histogram([later - earlier for earlier, later in zip(times, times[1:])], PAYLOAD_PIAT_MS)
    return made


def histogram(values, edges):
    bins = [0] * len(edges)
    for value in values:
        bins[bisect_right(edges, value) - 1] += 1
    return bins
