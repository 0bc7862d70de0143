/* What a getter may read: the flow or the report, and what the process and the output add to it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "meter/flow.h"
#include "meter/options.h"
#include "record/field/flow_hash.h"
#include "record/field/quality.h"
#include "record/field/report.h"
#include "record/field/value.h"

/* What an interface's slot means, live. */
enum { PLACE_NAME_SIZE = 16 };
struct places {
    /* Writes the interface's name and says its role ("uplink"). False: it isn't known any more.
     * @thread any */
    bool (*describe)(const void *context, uint16_t interface, char name[PLACE_NAME_SIZE], const char **role);
    const void *context;
};

/* Constant for the life of the process. */
struct identity {
    char sensor_id[256];
    char boot_id[37];         /* UUID, new at each start */
    struct hash_key key;      /* of flow_uid */
    struct hash_key conn_key; /* of conn_key; 0 while its group is off */
    const char *ndpi_version; /* "4.2.0"; "" while l7 is off */
    /* As configured, or the defaults, also where no schema asks for them: metering_hash is the same for any list of fields. */
    uint32_t splt_analysis, n_dissections;
    const struct meter_options *meter; /* profile, timeouts, ... as in force */
    bool decode_tunnels;
    const char *tunnel_keys;  /* "all", "symmetric", "none": meter.tunnel_key */
    const char *tunnel_ports; /* "vxlan=4789,8472 ..." as in force */
    bool system_visibility;
};

/* Room for the texts that one record needs: two names and thirteen texts of nDPI of up to TEXT_MAX bytes each, and
 * addresses. */
enum { RECORD_TEXT_SCRATCH = 1 << 20 };
enum { RECORD_RISKS_MAX = 64 };

/* Integers in arrays whose length no option decides: histograms, bursts. */
enum { RECORD_FIXED_INTEGERS = 52 + 120 };

/* Memory for what getters compute; one per recorder, empty at the start of each record. */
struct record_scratch {
    /* integers_capacity places: three arrays of meter_options.splt_analysis, six with splt_more, and RECORD_FIXED_INTEGERS */
    int64_t *integers;
    size_t integers_capacity, integers_used;
    char *text; /* RECORD_TEXT_SCRATCH bytes */
    size_t text_used;
    struct text flags[QUALITY_COUNT];
    struct text risks[RECORD_RISKS_MAX];
    struct buffer *udps; /* one for each user-defined field */
    size_t udps_count;
    bool failed; /* memory ran out: there is no record */
};

struct catalogue_row; /* record/field/catalogue.h */
struct l7_protocol;   /* meter/l7.h */

/* One per output, reused for each record. */
struct record_source {
    const struct identity *identity;
    const struct flow *flow;
    const char *output;        /* the output's name */
    const char *feature_hash;  /* 32 hex digits */
    const char *metering_hash; /* 32 hex digits */
    const char *anon_key_id;   /* 16 hex digits; NULL: no value depends on a key of pseudonyms */
    uint64_t seq;              /* of this record on this output; 0, 1, ... */
    char flow_uid[FLOW_HASH_DIGITS];
    bool loss_window; /* the kernel dropped packets while the flow was open */
    bool verify;      /* the flow is made up by `flowsensor verify` */
    struct record_scratch *scratch;
    const char *const *capture_files;   /* paths by flow->place.capture_file; NULL: live */
    const struct places *places;        /* by flow->place.interface; NULL: files */
    const struct sensor_report *report; /* instead of a flow, in records of the sensor itself */
    const struct l7_protocol *protocol; /* instead of a flow, in records of nDPI's protocols */

    /* The row that is asked for. The caller of a getter sets it. */
    const struct catalogue_row *row;
};
