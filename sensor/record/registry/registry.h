/* Client of a schema registry with the Confluent API (libcurl, jansson), used at start and from `flowsensor schema`.
 *
 * It looks up the exact schema text under the subject, and registers it only when told to. Answers are bounded in time
 * and size. What doesn't answer as a registry does (a page of HTML, a redirect, 429, 5xx, half an answer) counts as no
 * answer. The last good answer is kept in a cache file, keyed by registry URL, subject and SHA-256 of the text.
 *
 * A client belongs to one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/registry/registry_access.h"
#include "record/schema/schema.h"

enum registry_compatibility {
    REGISTRY_COMPATIBLE,             /* with those versions that the subject's level names */
    REGISTRY_COMPATIBLE_WITH_LATEST, /* the registry can't compare with others */
    REGISTRY_INCOMPATIBLE,
    REGISTRY_NO_SUBJECT /* some registries say compatible */
};

struct registry;

int registry_open(const struct registry_options *options, struct registry **registry, struct error *error);
void registry_close(struct registry *registry);

/* Gets the id of exactly this schema under the subject, which is never 0, and keeps it in the cache. If it is not registered
 * there, it is registered with auto_register; otherwise -ENOENT and EX_CONFIG, with a line that names the command that
 * registers it. EX_CONFIG also if the registry refuses the schema; EX_NOPERM: access; EX_UNAVAILABLE: it can't be reached. */
int registry_resolve(struct registry *registry, const char *subject, const struct schema *schema,
                     bool auto_register, uint32_t *id, struct error *error);

/* The cached id of this schema; -ENOENT: none, or no cache. It is for as long as the registry can't be reached, and never
 * against its answer. Any thread: reads files only. */
int registry_recall(const struct registry *registry, const char *subject, const struct schema *schema,
                    uint32_t *id);

/* Registers; EX_CONFIG with the registry's reason if it refuses the change (409). */
int registry_register(struct registry *registry, const char *subject, const struct schema *schema,
                      uint32_t *id, struct error *error);

/* The text of the schema that has this id, as a consumer gets it; *text is malloc'd. EX_CONFIG: there is none. */
int registry_schema_text(struct registry *registry, uint32_t id, char **text, struct error *error);

/* Whether the registry would accept the schema under the subject. At a transitive level all versions count. `reason`
 * gets the registry's message. */
int registry_check(struct registry *registry, const char *subject, const struct schema *schema,
                   enum registry_compatibility *compatibility, char *reason, size_t reason_size,
                   struct error *error);

/* "libcurl/7.88.1 ..." and "jansson 2.14" and Avro C's version, for --version. */
const char *registry_library_version(void);

/* Subject of a topic by strategy "topic", "record" or "topic_record" (Confluent's TopicName-, RecordName- and
 * TopicRecordNameStrategy). malloc'd; NULL if the strategy is unknown or memory is short. */
char *registry_subject(const char *strategy, const char *topic, const struct schema *schema);
