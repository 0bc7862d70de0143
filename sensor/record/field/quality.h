/* The vocabulary of quality_flags: what to know before trusting a record. The names are part of the record's contract:
 * new ones may come, but none changes its meaning. */
#pragma once

#include <stdint.h>

/* One row a flag: its name as it stands in the record, and its meaning. */
#define QUALITY_FLAGS(X)                                                                                   \
    X(midstream, "TCP flow whose first packet is no opening SYN: it began before the sensor looked")       \
    X(truncated, "of some packet fewer bytes were captured than its IP header announces")                  \
    X(time_raised, "a packet's recorded time lay before an earlier packet's and was raised to it")         \
    X(loss_window, "the kernel dropped packets while the flow was open")                                   \
    X(guessed_label, "application_name is nDPI's guess by port or address")                                \
    X(undissected,                                                                                         \
      "nDPI saw too few packets for a label, or none: too many flows were undecided, or overload")         \
    X(evicted, "the flow was ended to make room for others")                                               \
    X(offload, "segments in one packet: the network card had yet to cut it, or they were put together")    \
    X(fragment, "some packets were fragments of IP datagrams")                                             \
    X(short_idle, "overload: the flow ended after overload.idle_timeout without a packet, before its own") \
    X(no_splt, "overload: none of the flow's packets is in its SPLT, which is empty")                      \
    X(sampled, "overload: it began while one new flow in overload.sampling_rate was metered")              \
    X(partial_start, "overload: packets of it may have been sampled out or shed before its first one")     \
    X(verify, "no traffic: made up by `flowsensor verify` to try the way to the topic and back")           \
    X(synthetic, "no traffic: made up, for whatever purpose, which another flag names")

enum quality_flag {
#define X(name, meaning) QUALITY_##name,
    QUALITY_FLAGS(X)
#undef X
        QUALITY_COUNT
};

const char *quality_flag_name(enum quality_flag flag);
const char *quality_flag_meaning(enum quality_flag flag); /* for documents */
