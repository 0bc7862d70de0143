/* Client of a schema registry with the Confluent API (libcurl, jansson), used at start and from `flowsensor schema`.
 *
 * It looks up the exact schema text under the subject, and registers it only when told to. Answers are bounded in time
 * and size. The last good answer is kept in a cache file, keyed by registry URL, subject and SHA-256 of the text; it is
 * used only while the registry can't be reached, never against a 404 or another id. */
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

/* Gets the id of exactly this schema under the subject. If it is not registered there, it is registered with auto_register;
 * otherwise EX_CONFIG, with a line that names the command that registers it. EX_UNAVAILABLE: the registry can't be reached,
 * and the cache has no id. *from_cache (may be NULL): the registry did not answer, and the id is the cache's; see watch.h.
 *
 * After a request without an answer the registry is not asked again until registry_close(). So a start waits for it only
 * once, with any number of outputs. */
int registry_resolve(struct registry *registry, const char *subject, const struct schema *schema,
                     bool auto_register, uint32_t *id, bool *from_cache, struct error *error);

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
