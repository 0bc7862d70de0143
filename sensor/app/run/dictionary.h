/* nDPI's dictionary: what the numbers and names in labels of flows mean, a record for each protocol of the linked nDPI. */
#pragma once

struct delivery;
struct meter;

/* Sends the protocols that the meter labels flows with to the outputs that are for them, once in a run. Failures are noted as
 * delivery_send() notes them.
 * @thread main, as the one that delivers, before the others are started */
void dictionary_publish(struct delivery *delivery, const struct meter *meter);
