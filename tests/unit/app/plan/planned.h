/* Plans of configurations that are given as text. */
#pragma once

#include "app/plan/plan.h"

#include "app/config_text.h"

#define LIVE   "capture = { interfaces = [ \"lo\" ]; };"
#define OUTPUT "outputs = ( { sink = \"null\"; } );\n"

/* A schema of core fields alone, which asks for no group that can be off. */
#define CORE_SCHEMA                                                                                                \
    "{\"type\": \"record\", \"name\": \"Core\", \"namespace\": \"test\", \"doc\": \"Core fields.\", \"fields\": [" \
    "{\"name\": \"bidirectional_packets\", \"type\": \"long\", \"doc\": \"Packets.\"}]}"

/* A plan and what it borrows. */
struct planned {
    struct config config;
    struct plan plan;
};

static inline int make(struct planned *planned, const char *text, struct error *error) {
    load_well(&planned->config, text);
    return plan_make(&planned->config, PLAN_SCHEMAS_AS_NAMED, &planned->plan, error);
}

static inline void release(struct planned *planned) {
    plan_release(&planned->plan);
    config_release(&planned->config);
}

static inline bool has(const struct planned *planned, enum field_group group) {
    return (planned->plan.groups & (1u << group)) != 0;
}

static inline void make_well(struct planned *planned, const char *text) {
    struct error error = {0};
    if (make(planned, text, &error) < 0)
        fail_msg("%s", error.text);
}

static inline void refuse(const char *text, const char *expected) {
    struct planned planned;
    struct error error = {0};
    assert_true(make(&planned, text, &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    release(&planned);
}
