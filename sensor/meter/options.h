/* What a meter is asked to do: constant from meter_create() on, but for timeouts
 * (meter_set_timeouts()). The meter and its features read it, and so do records,
 * which say how flows were metered. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "decode/walk/packet.h"
#include "meter/overload.h"

struct udps;       /* meter/udps.h */
struct visibility; /* meter/process/visibility.h */
struct local_pods; /* meter/local_pods.h */

/* The nfstream profile repeats NFStream 6.6.0, also in units: its ticks are milliseconds, natively microseconds. */
enum meter_profile { PROFILE_NATIVE, PROFILE_NFSTREAM };

/* Which packets SPLT keeps; natively any, in the nfstream profile all. Those that are new are no duplicates
 * (feature/splt.c). */
enum splt_packets { SPLT_ALL, SPLT_PAYLOAD, SPLT_PAYLOAD_NEW };

enum { EARLY_PACKETS_MAX = 8 };

/* Native: the state of a flow that is open is published, as a record of its own, without an end of the flow. It is the state
 * of the slice, from its first packet on: same uid and slice, the next revision. The final record has the revision after
 * all of them, and says what it would say without them.
 *
 * Times are those of the meter's clock, from the slice's first packet on. A state that is due at a time is published before a
 * packet of the flow of that time or later is counted: so it is the same whenever the meter comes to it, for files and live,
 * and for any number of meters. A slice that ended by then has none. All is counted anew in each slice. */
struct publish_options {
    uint32_t
        early_packets[EARLY_PACKETS_MAX]; /* right after the slice's packet of that number; rising, from 1 */
    unsigned early_packet_count;
    int64_t early_after; /* ticks from the slice's first packet on; 0: none */
    int64_t
        update_interval; /* ticks: at each multiple, if the slice had a packet since its last record; 0: none */
};

struct meter_options {
    enum meter_profile profile;
    enum accounting_mode accounting_mode;
    int64_t idle_timeout;         /* ticks */
    int64_t active_timeout;       /* ticks */
    int64_t udp_answered_timeout; /* native: ticks, at most idle_timeout; 0: as for every flow */
    uint32_t n_dissections;       /* packets of a flow that nDPI sees, at most 255; 0: no labels */
    unsigned
        l7_parts; /* enum l7_part (meter/l7.h): what of nDPI's findings is kept beside labels and texts */
    uint64_t dissection_flows; /* flows whose label is undecided at the same time; 0: all */
    bool statistical_analysis;
    uint32_t splt_analysis; /* packets, at most 65535; 0: off */
    enum splt_packets splt_packets;
    bool splt_more;          /* native: their payload, TCP flags and whether they are duplicates, too */
    bool tcp_end;            /* native: a flow ends with its TCP connection, see meter/tcp_end.h */
    uint32_t features_asked; /* features without an option of their own that are on, see meter_asks_for() */
    struct publish_options publish;
    uint64_t flow_table_size;      /* flows open at once; at least 1024 */
    bool bounds;                   /* meter_bounds() may be asked */
    bool preallocate;              /* live: all memory is set aside at the start, see meter_back_memory() */
    bool system_visibility;        /* flows have a place for their process */
    struct visibility *visibility; /* finds it; borrowed, shared by meters; set where system_visibility is */
    /* Conversations between two of them are metered at one interface; borrowed, shared by meters; NULL: at each. */
    struct local_pods *local_pods;
    struct overload_options
        overload;            /* native and live: what is done without where the meter can't keep up */
    const struct udps *udps; /* user-defined fields; borrowed, shared by meters; NULL: none */
    /* Of the flow table, if others hash packets for it (meter_hashed_packet()); copied; NULL: a random one of its own. */
    const struct hash_key *seed;
};

/* Whether a feature (enum feature_index) is on that has no option: some schema has a field of it. */
static inline bool meter_asks_for(const struct meter_options *options, unsigned feature) {
    return (options->features_asked >> feature & 1) != 0;
}
