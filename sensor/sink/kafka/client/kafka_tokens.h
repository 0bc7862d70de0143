/* Tokens for clients that log in by SASL OAUTHBEARER. Private to sink/kafka*.c.
 *
 * A thread of its own gets them, from a token server (record/login/oauth.h) or a file that somebody else keeps fresh, and
 * gives each new one to the clients that it knows. A server is asked again when three quarters of a token's life are over, and
 * when a broker has refused it; a file is looked at each second. Where there is no token, one line says why, it is counted, and
 * that is tried again, less and less often up to once a minute; clients use what they have, and without any they wait. librdkafka's
 * own failure of a refresh isn't used: it looks like a login that a broker has refused.
 *
 * No call waits for a disk or a server. They take a lock that is held for no longer than librdkafka takes a token.
 * @thread any */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct kafka_tokens;
struct rd_kafka_s;

/* Begins to get tokens, if the options ask for any: else *tokens is NULL, which is fine below. Copies what it needs.
 * EX_CONFIG, EX_OSERR. */
int kafka_tokens_make(const struct sink_options *options, struct kafka_tokens **tokens, struct error *error);

/* Stops, and waits for the thread for so many microseconds; it may go on for longer. Its clients get no more tokens. */
void kafka_tokens_end(struct kafka_tokens *tokens, int64_t patience);

/* The client gets the token that is there, and each new one. At most four clients at a time. */
void kafka_tokens_serve(struct kafka_tokens *tokens, struct rd_kafka_s *client);
/* It gets none any more: to be called before the client ends. */
void kafka_tokens_leave(struct kafka_tokens *tokens, struct rd_kafka_s *client);

/* A broker has refused a token: another one is asked for. */
void kafka_tokens_refused(struct kafka_tokens *tokens);

/* Whether there is no token that is good now, and why: EX_NOPERM if a token server refuses. */
bool kafka_tokens_lack(struct kafka_tokens *tokens, struct error *error);

/* Tokens that could not be had, or not be used; of those that fail one after another for the same reason the first. */
uint64_t kafka_tokens_failures(const struct kafka_tokens *tokens);
