/* The heartbeats of a run: what each output has got so far, and what times later records can have.
 *
 * What makes a heartbeat true: its bounds must hold for every record with a seq above its last_seqs. A meter gives its bounds
 * between two packets; they hold for all records that it makes after that (meter/bounds.h). Each record takes its seq when it
 * is made. So the seqs are read last, when all meters have given their bounds: whatever a meter made before it gave them has a
 * seq by then, which is told. A record whose seq is higher was made later than its meter's bounds. What a meter made in between
 * is told too, which does no harm. The other way round, a record could be made between the two that neither counts nor obeys.
 *
 * Records may still be on their way, in rings and in queues: so a heartbeat says which ones its reader must have before it uses
 * the bounds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pipeline;

/* Begins one: takes the delivering thread's part, before the others are asked for theirs (snapshot.h).
 * @thread deliver */
void heartbeats_begin(struct pipeline *pipeline);
/* Ends it: all other parts were added to pipeline->heartbeat.
 * @thread deliver */
void heartbeats_send(struct pipeline *pipeline, bool is_last);

/* In a serial run: a heartbeat, if one is due at `now` (monotonic clock).
 * @thread deliver */
void heartbeats_run(struct pipeline *pipeline, int64_t now);
/* The last one, behind the last record.
 * @thread deliver, after the others have ended */
void heartbeats_end(struct pipeline *pipeline);
