/* From a flow, or a report of the sensor, to a message: a recorder binds an output's schema, an encoding and the sensor's
 * identity. After warm-up it allocates nothing. It belongs to one thread: `meter`, or `deliver` for reports. Threads that
 * make records of one output have a recorder each. */
#pragma once

#include "record/message.h"
#include "record/recorder_options.h"

struct recorder;

int recorder_create(const struct recorder_options *options, struct recorder **recorder, struct error *error);
void recorder_destroy(struct recorder *recorder);

/* Bytes that a recorder of such a meter's flows takes at most. */
size_t recorder_memory_for(const struct meter_options *meter);

/* Makes the record of an ended flow; the message is valid until the next call. Takes the next seq, also on failure, so that
 * a gap shows it. -ENOMEM: no memory for so large a record; -EIO: a pseudonym could not be made.
 * @thread meter */
int recorder_make(struct recorder *recorder, const struct flow *flow, struct message *message);

/* The same for a report, or a heartbeat, with a schema whose records are OF_SENSOR; recorder_make() is for the others.
 * @thread deliver */
int recorder_make_report(struct recorder *recorder, const struct sensor_report *report,
                         struct message *message);

/* The same for one of nDPI's protocols, with a schema whose records are OF_PROTOCOL.
 * @thread deliver */
int recorder_make_protocol(struct recorder *recorder, const struct l7_protocol *protocol,
                           struct message *message);

/* Prepares other hashes and what follows from them: flows are metered by other timeouts. `options` are those of the start, but for
 * identity->meter, which is used during the call. Fails as recorder_create() does. What the last change left is freed, so
 * that must have been taken.
 * @thread reload, also beside recorder_make(): it touches nothing that that uses */
int recorder_prepare_contract(struct recorder *recorder, const struct recorder_options *options,
                              struct error *error);
/* Uses what was prepared, if anything was, from the next record on. recorder_origin() stays as it was at the start.
 * @thread the recorder's */
void recorder_take_contract(struct recorder *recorder);

/* Prepares another key of pseudonyms; -ENOMEM.
 * @thread reload, also beside recorder_make(): it touches nothing that that uses */
int recorder_prepare_key(struct recorder *recorder, const struct anonymize_key *key);
/* With `take`, uses the prepared key from the next record on; else forgets it. The key that is not used is wiped.
 * @thread reload; with `take` never beside recorder_make(): the output's lock keeps them apart */
void recorder_end_rekeying(struct recorder *recorder, bool take);
/* anon_key_id of its records; NULL: they have none.
 * @thread reload, as the only one that changes it */
const char *recorder_key_id(const struct recorder *recorder);

/* What a file begins with: CSV's column names; empty for the others. Valid until the recorder is destroyed. */
struct text recorder_header(const struct recorder *recorder);

const struct message_origin *recorder_origin(const struct recorder *recorder);
/* Canonical text of what feature_hash covers.
 * @thread the recorder's */
const char *recorder_features(const struct recorder *recorder);
/* The kernel lost packets: flows that are open now get the quality flag loss_window. `time` in ticks.
 * @thread meter */
void recorder_loss(struct recorder *recorder, int64_t time);
/* It takes the place of another one of the same meter: what that knew of losses holds for its flows too.
 * @thread meter */
void recorder_follow(struct recorder *recorder, const struct recorder *former);
