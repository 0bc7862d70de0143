/* From a source to decoded packets: reads frames, decodes them, and counts what is not metered. It belongs to the thread
 * that reads: live each meter's; of files that of the meter whose turn it is. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/account/heartbeat.h"
#include "app/account/ledger.h"
#include "app/plan/plan.h"
#include "app/run/recordings.h"
#include "base/cache_line.h"
#include "base/error.h"
#include "capture/capture.h"
#include "decode/decode.h"

struct intake {
    _Alignas(CACHE_LINE) const struct plan *plan;
    struct capture *capture; /* the intake's from intake_open() on */
    struct decoder *decoder;
    uint64_t frames;                /* read; some hold several packets */
    struct intake_counters counted; /* without what the decoder counts: intake_count() adds it */
    struct heartbeat heartbeat;     /* of intake_run(); beats at housekeeping */
    int64_t tenth;                  /* of a second, of the last frame */
    struct recordings recordings;   /* of files */
    uint64_t lost;                  /* by kernel and interface at the last look */
    bool pauses;                    /* set by a call: intake_read() returns after this frame */
};

/* What an intake hands on; all get `context`. */
struct intake_calls {
    void (*packet)(void *context, const struct packet *packet);
    /* Files: what follows is a recording of its own; open flows end, and time begins anew. */
    void (*begin_recording)(void *context);
    /* Live: time went on to `time` (ticks), on a quiet link by the host's clock. True: there is more to do than one
     * call may take, and the next frame is not waited for. */
    bool (*time_passed)(void *context, int64_t time);
    /* Every few thousand packets, on a live link about ten times a second at least, and before intake_read() returns. */
    void (*housekeeping)(void *context);
    /* The source failed. A capture that breaks off is not the end: the next one in the list goes on. */
    void (*failed)(void *context, const struct error *error);
};

/* Takes over the capture, also on failure.
 * @thread main, before the others are started, and after they have ended */
int intake_open(struct intake *intake, const struct plan *plan, struct capture *capture, struct error *error);
void intake_close(struct intake *intake);

/* Until the end of the source, a signal, or *stop, which any thread may set.
 * @thread read */
void intake_run(struct intake *intake, const struct intake_calls *calls, void *context,
                const atomic_bool *stop);
/* A piece of intake_run(), up to the next housekeeping: so that several threads can take turns. False: that was the last one.
 * @thread read */
bool intake_read(struct intake *intake, const struct intake_calls *calls, void *context,
                 const atomic_bool *stop);

/* Whether kernel or interface lost packets since the last call.
 * @thread read */
bool intake_has_lost(struct intake *intake);

/* Adds what the intake counted of packets.
 * @thread read, between two packets; any after it has ended */
void intake_count(const struct intake *intake, struct ledger *sum);
