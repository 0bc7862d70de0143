"""Which combinations of NFStream's parameters are compared: chosen by code, the same in every run.

The combinations come in blocks of as many as the largest parameter has values, so that within one block every value
of every parameter occurs; blocks are added until every pair of values of any two parameters occurs, and then on, for
triples, to the number that is asked for. So a capture that meets one block meets every value, and one that meets
all of them meets every pair. Pure functions; test_pairwise.py tests them.
"""
import itertools

# Names and values as in NFStreamer(). The filter lets some packets of nearly every capture through, not all.
PARAMETERS = {
    "accounting_mode": (0, 1, 2, 3),
    "splt_analysis": (0, 1, 10, 255),
    "n_dissections": (0, 1, 20),
    "decode_tunnels": (True, False),
    "idle_timeout": (1, 120),
    "active_timeout": (5, 1800),
    "bpf_filter": (None, "tcp or udp port 53 or ip6"),
    "statistical_analysis": (True, False),
}
BLOCKS = 6


def pairs_of(row):
    """The pairs of (place, value) in one combination, each as a frozen set of two."""
    return {frozenset(pair) for pair in itertools.combinations(enumerate(row), 2)}


def triples_of(row):
    """The triples, likewise."""
    return {frozenset(triple) for triple in itertools.combinations(enumerate(row), 3)}


def all_pairs(parameters):
    """Every pair of values of any two parameters."""
    places = [[(place, value) for value in values] for place, values in enumerate(parameters.values())]
    return {frozenset(pair) for one, other in itertools.combinations(places, 2) for pair in itertools.product(one, other)}


def arrangements(values, length):
    """The ways to write `values` down a column of a block, each value at least once."""
    return [column for column in sorted(set(itertools.product(range(len(values)), repeat=length)))
            if len(set(column)) == len(values)]


def next_block(parameters, pairs, triples):
    """The block that adds most pairs (then triples) to those that are covered: column by column, the first of the best."""
    length = max(map(len, parameters.values()))
    rows = [()] * length
    for values in parameters.values():
        def gain(column):
            grown = [row + (values[index],) for row, index in zip(rows, column)]
            return (len(set().union(*map(pairs_of, grown)) - pairs), len(set().union(*map(triples_of, grown)) - triples))
        best = max(arrangements(values, length), key=gain)
        rows = [row + (values[index],) for row, index in zip(rows, best)]
    return rows


def blocks(parameters=None, count=BLOCKS):
    """The blocks, each a list of combinations as dictionaries."""
    parameters = parameters or PARAMETERS
    pairs, triples, found = set(), set(), []
    for _ in range(count):
        rows = next_block(parameters, pairs, triples)
        pairs = pairs.union(*map(pairs_of, rows))
        triples = triples.union(*map(triples_of, rows))
        found.append([dict(zip(parameters, row)) for row in rows])
    return found


def full(parameters=None):
    """All combinations."""
    parameters = parameters or PARAMETERS
    return [dict(zip(parameters, row)) for row in itertools.product(*parameters.values())]
