"""A slice's packets by direction, and what is computed alike of sizes and of gaps."""
import math
from collections import Counter

BOTH, FORWARD, BACKWARD = "bidirectional", "src2dst", "dst2src"
ONE_WAY = (FORWARD, BACKWARD)
DIRECTIONS = (BOTH, *ONE_WAY)


def of(packets, direction):
    if direction == BOTH:
        return list(packets)
    return [packet for packet in packets if packet.forward == (direction == FORWARD)]


def gaps(packets):
    """The times between consecutive packets in microseconds."""
    return [later.time - earlier.time for earlier, later in zip(packets, packets[1:])]


def mean(values):
    return sum(values) / len(values) if values else 0.0


def central(values, power):
    """The sum of the powers of what the values differ from their mean, exactly for integers: nothing is rounded until the end."""
    n, total = len(values), sum(values)
    return sum(times * (n * value - total) ** power for value, times in Counter(values).items()), n ** power


def stddev(values):
    """With n - 1; 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    above, below = central(values, 2)
    return math.sqrt(above / below / (len(values) - 1))


def skewness(values):
    if len(set(values)) < 2:
        return None
    n, (second, square), (third, cube) = len(values), central(values, 2), central(values, 3)
    return math.sqrt(n) * (third / cube) / (second / square) ** 1.5


def kurtosis(values):
    """Not its excess: 3 for a normal distribution."""
    if len(set(values)) < 2:
        return None
    n, (second, square), (fourth, power) = len(values), central(values, 2), central(values, 4)
    return n * (fourth / power) / (second / square) ** 2


def summary(values, name):
    """The four statistics of v1, 0 where there is nothing: {"min_NAME": ..., ...}; NAME is what stands behind min_."""
    return {f"min_{name}": min(values, default=0), f"mean_{name}": mean(values), f"stddev_{name}": stddev(values), f"max_{name}": max(values, default=0)}
