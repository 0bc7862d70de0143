"""SipHash-2-4 with 128 bits (Aumasson, Bernstein), written from its description: flow_uid is made with it."""

MASK = (1 << 64) - 1


def rotate(word, bits):
    """To the left, in 64 bits."""
    return (word << bits | word >> 64 - bits) & MASK


def rounds(v, count):
    """`count` SipRounds over the state [v0, v1, v2, v3]."""
    for _ in range(count):
        for a, b, c, d, first, second in ((0, 1, 2, 3, 13, 16), (2, 1, 0, 3, 17, 21)):
            v[a] = (v[a] + v[b]) & MASK
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotate(v[b], first) ^ v[a]
            v[d] = rotate(v[d], second) ^ v[c]
            v[a] = rotate(v[a], 32)


def siphash128(key, data):
    """16 bytes; `key` are two 64-bit words."""
    v = [key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D ^ 0xEE,
         key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573]
    whole = len(data) // 8 * 8
    words = [int.from_bytes(data[at:at + 8], "little") for at in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(v, 4)
    low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(v, 4)
    return low.to_bytes(8, "little") + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
